import type { FailureClass } from "@penstock/formats";

/** What the decision after a failed attempt rests on. */
export interface FailedAttempt {
  readonly class: FailureClass;
  /** True when content of it was sent to the caller. */
  readonly committed: boolean;
  /** Wait that the provider asked for. Unit: milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  /** Attempts made on this target so far, this one included. */
  readonly attemptsOnTarget: number;
  readonly maxAttempts: number;
  /** True when no further target is planned. */
  readonly lastTarget: boolean;
  /** Time left of the request. Unit: milliseconds. */
  readonly remainingMs: number;
  /** True when the target's retry budget has room. */
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
/** Less time than this is too little for another attempt. */
const leastRemainingMs = 100;

type Treatment = { readonly retry: "once" | "last_target" | "never"; readonly fallback: boolean };

const once: Treatment = { retry: "once", fallback: true };
const next: Treatment = { retry: "never", fallback: true };
const end: Treatment = { retry: "never", fallback: false };

/** How each class is treated: decisions §4, reliability §2.2, provider-failures §5.1. */
const treatments: Record<FailureClass, Treatment> = {
  RATE_LIMITED: next,
  QUOTA_EXHAUSTED: next,
  OVERLOADED: { retry: "last_target", fallback: true },
  UPSTREAM_ERROR: once,
  AUTH_FAILED: next,
  PERMISSION: next,
  MODEL_NOT_FOUND: next,
  CONTEXT_TOO_LONG: next,
  BAD_REQUEST: end,
  CONTENT_FILTERED: end,
  PAYLOAD_TOO_LARGE: next,
  CONFLICT: once,
  UNMAPPED: once,
  TIMEOUT_CONNECT: once,
  TIMEOUT_FIRST_TOKEN: next,
  TIMEOUT_PROGRESS: next,
  TIMEOUT_TOTAL: next,
  CONNECTION: once,
  STREAM_BROKEN: once,
  MALFORMED: once,
  CANCELLED: end,
};

/** Same target, next target, or stop. Nothing is ever tried again after the commit point. */
export function decideNextAttempt(failed: FailedAttempt): NextAttempt {
  if (failed.committed) return { kind: "stop" };
  if (failed.attempts >= failed.maxAttempts || failed.remainingMs < leastRemainingMs) {
    return { kind: "stop" };
  }
  const treatment = treatments[failed.class];
  const retry = retryDelay(failed, treatment);
  if (retry !== undefined) return { kind: "retry", delayMs: retry };
  if (treatment.fallback && !failed.lastTarget) return { kind: "fallback" };
  return { kind: "stop" };
}

function retryDelay(failed: FailedAttempt, treatment: Treatment): number | undefined {
  if (treatment.retry === "never" || failed.attemptsOnTarget >= maximumOnTarget) return undefined;
  if (treatment.retry === "last_target" && !failed.lastTarget) return undefined;
  if (!failed.retryBudget) return undefined;
  // A spare attempt is better spent on a target that has not failed yet.
  if (!failed.lastTarget && failed.attempts + 1 >= failed.maxAttempts) return undefined;
  const jitterMs = failed.random * retryDelayMs;
  const delayMs = Math.max(failed.retryAfterMs ?? 0, jitterMs);
  const bound = Math.min(longestRetryAfterMs, failed.remainingMs / 4);
  return delayMs > bound ? undefined : delayMs;
}
