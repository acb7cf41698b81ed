import { GatewayError } from "@penstock/errors";
import { credentialMissing } from "./plan-for-context.ts";
import type { AttemptPlan } from "./plan-attempts.ts";
import type { RequestContext } from "./request-context.ts";

/** Wait told to the caller when nothing says when a target is usable again. */
const defaultRetryAfterMs = 1_000;

/** The error of a request for which no target can be tried, with the reason of each. */
export function noTargetError(
  context: RequestContext,
  plan: AttemptPlan,
  nowMs: number,
): GatewayError {
  const route = context.route?.name ?? "";
  const why = plan.skipped
    .slice(0, 8)
    .map(({ target, reason }) => `${target.deployment.name}: ${reason}`)
    .join("; ");
  const missing =
    plan.skipped.length > 0 && plan.skipped.every(({ reason }) => reason === credentialMissing);
  const waits = plan.skipped.map(({ untilMs }) => (untilMs ?? Infinity) - nowMs);
  const soonest = Math.min(...waits);
  return new GatewayError(
    missing ? "CREDENTIAL_MISSING" : "NO_HEALTHY_TARGET",
    `No target of ${route} can be used now (${why === "" ? "all are busy" : why}).`,
    {
      source: "gateway",
      retryAfterMs: missing
        ? undefined
        : Number.isFinite(soonest)
          ? Math.max(0, soonest)
          : defaultRetryAfterMs,
      metadata: { route },
    },
  );
}
