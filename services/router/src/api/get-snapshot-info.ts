import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { GetSnapshotInfoResponseSchema } from "@penstock/api";
import type { GetSnapshotInfoResponse } from "@penstock/api";
import type { SnapshotFollower } from "@penstock/config-sync";

/** Which configuration the router uses, and where it came from. */
export function getSnapshotInfo(
  configuration: Pick<SnapshotFollower, "info">,
): GetSnapshotInfoResponse {
  const info = configuration.info();
  return create(GetSnapshotInfoResponseSchema, {
    status: info.status,
    resourceCount: BigInt(info.resourceCount),
    age: durationFromMs(Math.round(info.ageMs)),
    source: info.source ?? "",
    applyTime: timestampFromMs(info.appliedAtMs),
  });
}
