import type { AttemptRun } from "./attempt-run.ts";
import type { ClosedAttempt } from "./close-attempt.ts";
import type { RequestContext } from "./request-context.ts";

/**
 * Whether an attempt ran out of time only because its caller gave less than the target's own timers
 * and the route allow. That says nothing about the target: otherwise one impatient caller could
 * open the breakers of targets that serve everybody else well.
 */
export function wasHurried(
  context: Pick<RequestContext, "deadlineMs" | "startMonotonicMs" | "route" | "stream">,
  { target }: Pick<AttemptRun, "target">,
  { outcome, durationMs }: Pick<ClosedAttempt, "outcome"> & { readonly durationMs: number },
): boolean {
  const { deadlineMs, startMonotonicMs, route, stream } = context;
  if (outcome !== "TIMEOUT_FIRST_TOKEN" && outcome !== "TIMEOUT_TOTAL") return false;
  if (route === undefined || deadlineMs >= startMonotonicMs + route.totalTimeoutMs) return false;
  const { firstTokenMs, answerMs, attemptMs } = target.timeouts;
  const beginMs = stream ? firstTokenMs : answerMs;
  const ownMs = outcome === "TIMEOUT_TOTAL" ? attemptMs : beginMs;
  // Timers of the event loop may fire up to a millisecond early.
  return durationMs + 1 < ownMs;
}
