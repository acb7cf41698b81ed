import { GatewayError } from "@penstock/errors";
import type { ErrorReason, Exclusion } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { CompiledTarget } from "@penstock/snapshot";
import { credentialMissing } from "./plan-for-context.ts";
import type { AttemptPlan, SkippedTarget } from "./plan-attempts.ts";
import type { RequestContext } from "./request-context.ts";
import { withOneMore } from "./with-one-more.ts";

/** Wait told to the caller when nothing says when a target is usable again. */
const defaultRetryAfterMs = 1_000;
/** Whether what fails is back is found out once a second, however long it is not planned. */
const longestOpenWaitMs = 5_000;
/** Candidates that an error tells of. */
const mostExclusions = 16;

/** The error of a request for which no target can be tried, with the reason of each. */
export function noTargetError(
  context: RequestContext,
  plan: AttemptPlan,
  clock: Pick<Clock, "monotonicMs" | "wallMs">,
): GatewayError {
  const route = context.route?.name ?? "";
  const why = plan.skipped
    .slice(0, 8)
    .map(({ target, reason }) => `${target.deployment.name}: ${reason}`)
    .join("; ");
  const reason = reasonOf(plan.skipped);
  const [first] = plan.skipped;
  const policy = reason === "POLICY_DENIED" ? first?.rule : undefined;
  return new GatewayError(
    reason,
    `${sentences(reason, route)} (${why === "" ? "all are busy" : why}).`,
    {
      source: "gateway",
      retryAfterMs: reason === "NO_HEALTHY_TARGET" ? waitMs(plan, clock) : undefined,
      metadata: { route, ...(policy === undefined ? {} : { policy }) },
      exclusions: exclusions(context, plan, clock),
    },
  );
}

/** A failure says of each candidate why it did not answer. */
export function explained(
  error: GatewayError,
  context: RequestContext,
  plan: AttemptPlan,
  clock: Pick<Clock, "monotonicMs" | "wallMs">,
): GatewayError {
  if (error.exclusions.length > 0) return error;
  return error.withExclusions(exclusions(context, plan, clock));
}

/** Why each candidate did not answer: those that were not asked, and those that were. */
export function exclusions(
  context: RequestContext,
  plan: AttemptPlan,
  clock: Pick<Clock, "monotonicMs" | "wallMs">,
): Exclusion[] {
  const wallAtZeroMs = clock.wallMs() - clock.monotonicMs();
  const made: Exclusion[] = context.attempts
    .filter(({ outcome }) => outcome !== "OK")
    .map(({ deployment, outcome, number, httpStatus }) => {
      const status = httpStatus === 0 ? "" : ` with HTTP status ${httpStatus}`;
      const reason = `attempt ${number} ended as ${outcome}${status}`;
      return { deployment, rule: `attempt.${outcome}`, reason };
    });
  for (const skipped of [...plan.skipped, ...context.passedOver]) {
    const { target, rule, reason, detail, untilMs } = skipped;
    const known = { deployment: target.deployment.name, rule, reason, detail };
    made.push(untilMs === undefined ? known : { ...known, untilTimeMs: wallAtZeroMs + untilMs });
  }
  return made.slice(0, mostExclusions);
}

/** Notes that a planned target was not asked when its turn came. */
export function passOver(
  context: RequestContext,
  target: CompiledTarget,
  why: Pick<SkippedTarget, "rule" | "reason"> & { readonly untilMs?: number | undefined },
): void {
  const { rule, reason, untilMs } = why;
  const skipped = { target, rule, reason, untilMs, inNeed: false, forGood: false };
  context.passedOver = withOneMore(context.passedOver, skipped);
}

function reasonOf(skipped: readonly SkippedTarget[]): ErrorReason {
  if (skipped.length === 0) return "NO_HEALTHY_TARGET";
  if (skipped.every(({ rule }) => rule === credentialMissing)) return "CREDENTIAL_MISSING";
  if (skipped.every(({ rule }) => rule === "no_price")) return "PRICE_MISSING";
  if (!skipped.every(({ forGood }) => forGood)) return "NO_HEALTHY_TARGET";
  const byPolicy = skipped.every(({ rule }) => rule.startsWith("policies/"));
  return byPolicy ? "POLICY_DENIED" : "NO_TARGET_FITS";
}

function sentences(reason: ErrorReason, route: string): string {
  if (reason === "POLICY_DENIED") return `Policies deny every target of ${route}`;
  if (reason === "PRICE_MISSING") return `A budget applies, and no target of ${route} has a price`;
  if (reason === "NO_TARGET_FITS") return `No target of ${route} can serve the request as it is`;
  return `No target of ${route} can be used now`;
}

function waitMs(plan: AttemptPlan, clock: Pick<Clock, "monotonicMs">): number {
  const now = clock.monotonicMs();
  const waits = plan.skipped.map(({ untilMs, inNeed }) => {
    const leftMs = (untilMs ?? Infinity) - now;
    return inNeed ? Math.min(leftMs, longestOpenWaitMs) : leftMs;
  });
  const soonest = Math.min(...waits);
  return Number.isFinite(soonest) ? Math.max(0, soonest) : defaultRetryAfterMs;
}
