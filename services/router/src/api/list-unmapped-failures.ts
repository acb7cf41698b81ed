import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ListUnmappedFailuresResponseSchema } from "@penstock/api";
import type { ListUnmappedFailuresResponse } from "@penstock/api";
import type { FailureSamples } from "../health/failure-samples.ts";

/** The errors of providers that no table knows, newest first. */
export function listUnmappedFailures(samples: FailureSamples): ListUnmappedFailuresResponse {
  const failures = samples.list().map((sample) => ({
    deployment: sample.deployment,
    providerKind: sample.providerKind,
    httpStatus: sample.httpStatus,
    providerCode: sample.providerCode,
    providerType: sample.providerType,
    message: sample.message,
    failureClass: sample.class,
    count: BigInt(sample.count),
    firstTime: timestampFromMs(sample.firstMs),
    lastTime: timestampFromMs(sample.lastMs),
  }));
  return create(ListUnmappedFailuresResponseSchema, { failures });
}
