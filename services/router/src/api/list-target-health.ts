import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ListTargetHealthResponseSchema } from "@penstock/api";
import type {
  ListTargetHealthResponse,
  MissingCredentialSchema,
  TargetWindowSchema,
  ToldLimitSchema,
} from "@penstock/api";
import type { ProviderLimit } from "@penstock/providers";
import type { WindowSummary } from "../performance/target-windows.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";

/** How the targets do, by deployment, and which credentials are missing. */
export function listTargetHealth(
  { health, performance, clock }: Pick<PipelineParts, "health" | "performance" | "clock">,
  missingCredentials: readonly MessageInitShape<typeof MissingCredentialSchema>[],
): ListTargetHealthResponse {
  const now = clock.monotonicMs();
  const targets = health.list(now).map((info) => {
    const { admission } = info;
    const until = admission.ok ? undefined : admission.untilMs;
    return {
      deployment: info.deployment,
      ejected: !admission.ok,
      reason: admission.ok ? "" : admission.reason,
      refusal: info.refusal,
      inFlight: info.inFlight,
      concurrencyLimit: info.concurrencyLimit,
      consecutiveFailures: info.consecutiveFailures,
      windows: performance.windows(info.deployment, now).map(windowMessage),
      toldRequests: limitMessage(info.limits?.requests),
      toldTokens: limitMessage(info.limits?.tokens),
      ...(until === undefined
        ? {}
        : { untilTime: timestampFromMs(Math.round(clock.wallMs() + until - now)) }),
      ...(info.firstTokenMs === undefined
        ? {}
        : { firstTokenDelay: durationFromMs(Math.round(info.firstTokenMs)) }),
    };
  });
  targets.sort((a, b) => (a.deployment < b.deployment ? -1 : 1));
  return create(ListTargetHealthResponseSchema, {
    targets,
    missingCredentials: [...missingCredentials],
  });
}

function limitMessage(
  told: ProviderLimit | undefined,
): MessageInitShape<typeof ToldLimitSchema> | undefined {
  if (told === undefined) return undefined;
  const { remaining, limit } = told;
  return {
    ...(remaining === undefined ? {} : { remaining: BigInt(remaining) }),
    ...(limit === undefined ? {} : { limit: BigInt(limit) }),
  };
}

function windowMessage(window: WindowSummary): MessageInitShape<typeof TargetWindowSchema> {
  const { firstTokenP50Ms, firstTokenP95Ms, tokensPerSecondP50, tokensPerSecondP95 } = window;
  return {
    length: durationFromMs(window.lengthMs),
    attempts: BigInt(window.attempts),
    failures: BigInt(window.failures),
    ...(firstTokenP50Ms === undefined ? {} : { firstTokenP50: roundedDuration(firstTokenP50Ms) }),
    ...(firstTokenP95Ms === undefined ? {} : { firstTokenP95: roundedDuration(firstTokenP95Ms) }),
    ...(tokensPerSecondP50 === undefined ? {} : { tokensPerSecondP50 }),
    ...(tokensPerSecondP95 === undefined ? {} : { tokensPerSecondP95 }),
  };
}

function roundedDuration(timeMs: number): Duration {
  return durationFromMs(Math.round(timeMs));
}
