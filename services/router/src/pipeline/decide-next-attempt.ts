import { failureTreatments } from "@penstock/formats";
import type { FailureAction, FailureClass } from "@penstock/formats";

/** What the decision after a failed attempt rests on. */
export interface FailedAttempt {
  readonly class: FailureClass;
  /** What may be done, where its row of knowledge differs from its class. */
  readonly actions?: readonly FailureAction[] | undefined;
  /** True when content of it was sent to the caller. */
  readonly committed: boolean;
  /** Wait that the provider asked for. Unit: milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** Attempts made on this target so far, this one included. */
  readonly attemptsOnTarget: number;
  readonly maxAttempts: number;
  /** True when no further target is left that this failure allows. */
  readonly lastTarget: boolean;
  /** Time left of the request. Unit: milliseconds. */
  readonly remainingMs: number;
  /** True when the budgets of the target and of broken answers have room. */
  readonly retryBudget: boolean;
  /** A number from 0 to below 1, for jitter. */
  readonly random: number;
}

/** What to do now. */
export type NextAttempt =
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "fallback" }
  | { readonly kind: "stop" };

/** Attempts on one target (decisions §4). */
const maximumOnTarget = 2;
/**
 * Upper end of the jittered delay before a retry. Smaller than reliability §2.2's 250 ms, as there
 * is only one retry on a target and a caller waits for it.
 */
const retryDelayMs = 100;
/** A wait longer than this is not worth it: the next target is asked (reliability §2.2). */
const longestRetryAfterMs = 5_000;
/** The same for a limit of the provider, which rarely has room sooner than it says. */
const longestLimitWaitMs = 2_000;
/** Less time than this is too little for another attempt. */
const leastRemainingMs = 100;

/** Same target, next target, or stop. Nothing is ever tried again after the commit point. */
export function decideNextAttempt(failed: FailedAttempt): NextAttempt {
  if (failed.committed) return { kind: "stop" };
  if (failed.attempts >= failed.maxAttempts || failed.remainingMs < leastRemainingMs) {
    return { kind: "stop" };
  }
  const actions = failed.actions ?? failureTreatments[failed.class].actions;
  const retry = retryDelay(failed, actions);
  if (retry !== undefined) return { kind: "retry", delayMs: retry };
  const goesOn = actions.includes("F") || actions.includes("K");
  if (goesOn && !failed.lastTarget) return { kind: "fallback" };
  return { kind: "stop" };
}

function retryDelay(failed: FailedAttempt, actions: readonly FailureAction[]): number | undefined {
  if (!actions.includes("R") || failed.attemptsOnTarget >= maximumOnTarget) return undefined;
  if (!failed.retryBudget) return undefined;
  if (!failed.lastTarget) {
    // Where another action comes first, the same target is for when nothing else is left.
    if (actions[0] !== "R") return undefined;
    // A spare attempt is better spent on a target that has not failed yet.
    if (failed.attempts + 1 >= failed.maxAttempts) return undefined;
  }
  const limited = failed.class === "RATE_LIMITED";
  // Of a limit that does not say when it has room, nothing is to be hoped for.
  if (limited && failed.retryAfterMs === undefined) return undefined;
  const delayMs = (failed.retryAfterMs ?? 0) + failed.random * retryDelayMs;
  const longestMs = limited ? longestLimitWaitMs : longestRetryAfterMs;
  return delayMs > Math.min(longestMs, failed.remainingMs / 4) ? undefined : delayMs;
}
