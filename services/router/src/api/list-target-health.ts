import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ListTargetHealthResponseSchema } from "@penstock/api";
import type { ListTargetHealthResponse } from "@penstock/api";
import type { Clock } from "@penstock/runtime";
import type { TargetHealthBook } from "../health/target-health.ts";

/** How the targets do, by deployment. */
export function listTargetHealth(health: TargetHealthBook, clock: Clock): ListTargetHealthResponse {
  const now = clock.monotonicMs();
  const targets = health.list(now).map((info) => {
    const { admission } = info;
    const until = admission.ok ? undefined : admission.untilMs;
    return {
      deployment: info.deployment,
      ejected: !admission.ok,
      reason: admission.ok ? "" : admission.reason,
      inFlight: info.inFlight,
      concurrencyLimit: info.concurrencyLimit,
      consecutiveFailures: info.consecutiveFailures,
      ...(until === undefined
        ? {}
        : { untilTime: timestampFromMs(Math.round(clock.wallMs() + until - now)) }),
      ...(info.firstTokenMs === undefined
        ? {}
        : { firstTokenDelay: durationFromMs(Math.round(info.firstTokenMs)) }),
    };
  });
  targets.sort((a, b) => (a.deployment < b.deployment ? -1 : 1));
  return create(ListTargetHealthResponseSchema, { targets });
}
