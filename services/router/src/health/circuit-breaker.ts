import type { MonotonicMs } from "@penstock/limits";

/*
 * closed --failures--> open --time, or a success in need--> half-open --successes--> closed
 *                       ^                                    |
 *                       +-------------- failure -------------+
 *
 * All numbers are those of reliability §2.5. Time and randomness are arguments.
 */

const consecutiveToOpen = 5;
const windowMs = 30_000;
const bucketCount = 6;
const bucketMs = windowMs / bucketCount;
const leastInWindow = 20;
const rateToOpen = 0.5;
const firstOpenMs = 5_000;
const longestOpenMs = 300_000;
const jitterShare = 0.2;
const healthyResetMs = 600_000;
const successesToClose = 3;

/** State of one breaker; changed in place by the functions of this file only. */
export interface CircuitBreaker {
  state: "closed" | "open" | "half_open";
  consecutiveFailures: number;
  /** How often it opened since it was last healthy for long. */
  openings: number;
  openUntil: MonotonicMs;
  closedSince: MonotonicMs;
  probeInFlight: boolean;
  probeSuccesses: number;
  readonly failures: Float64Array;
  readonly totals: Float64Array;
  /** Number of the bucket written last, counted from the start of the clock. */
  bucket: number;
}

/** A closed breaker that has seen nothing. */
export function createBreaker(now: MonotonicMs): CircuitBreaker {
  return {
    state: "closed",
    consecutiveFailures: 0,
    openings: 0,
    openUntil: now,
    closedSince: now,
    probeInFlight: false,
    probeSuccesses: 0,
    failures: new Float64Array(bucketCount),
    totals: new Float64Array(bucketCount),
    bucket: Math.floor(now / bucketMs),
  };
}

/** Whether an attempt may be made: freely, as the one probe, not while a probe runs, or not yet. */
export type BreakerVerdict = "closed" | "probe" | "probing" | "open";

/** What the breaker says at `now`; changes nothing. */
export function askBreaker(breaker: CircuitBreaker, now: MonotonicMs): BreakerVerdict {
  if (breaker.state === "closed") return "closed";
  if (breaker.state === "open" && now < breaker.openUntil) return "open";
  return breaker.probeInFlight ? "probing" : "probe";
}

/** Notes that an attempt starts; true when it is the probe of a half-open breaker. */
export function beginAttempt(breaker: CircuitBreaker, now: MonotonicMs): boolean {
  if (askBreaker(breaker, now) !== "probe") return false;
  if (breaker.state === "open") {
    breaker.state = "half_open";
    breaker.probeSuccesses = 0;
  }
  breaker.probeInFlight = true;
  return true;
}

/** The probe ended without saying anything about the target: its caller left, or was at fault. */
export function abandonProbe(breaker: CircuitBreaker): void {
  breaker.probeInFlight = false;
}

/** An attempt succeeded. What began before the breaker opened does not close it; true: this did. */
export function recordSuccess(breaker: CircuitBreaker, now: MonotonicMs, probe: boolean): boolean {
  if (probe) breaker.probeInFlight = false;
  if (breaker.state === "closed") {
    breaker.consecutiveFailures = 0;
    count(breaker, now, 0);
    if (breaker.openings > 0 && now - breaker.closedSince >= healthyResetMs) breaker.openings = 0;
    return false;
  }
  if (!probe || breaker.state !== "half_open") return false;
  breaker.probeSuccesses += 1;
  if (breaker.probeSuccesses < successesToClose) return false;
  close(breaker, now);
  return true;
}

/**
 * An attempt that was made although the breaker was open, as nothing else could be asked, succeeded:
 * the target is back, and its time out ends. The success counts as that of the first probe.
 */
export function recordOpenSuccess(breaker: CircuitBreaker, now: MonotonicMs): void {
  if (breaker.state !== "open") return;
  breaker.state = "half_open";
  breaker.openUntil = now;
  breaker.probeSuccesses = 1;
}

/** What a failure weighs, and the jitter of the time that it may open the breaker for. */
export interface BreakerFailure {
  /** 1, or 0.5 for an overloaded target. */
  readonly weight: number;
  readonly probe: boolean;
  /** From 0 to below 1. */
  readonly random: number;
}

/** An attempt failed; true when that opened the breaker. */
export function recordFailure(
  breaker: CircuitBreaker,
  now: MonotonicMs,
  failure: BreakerFailure,
): boolean {
  if (failure.probe) breaker.probeInFlight = false;
  if (breaker.state === "closed") {
    breaker.consecutiveFailures += failure.weight;
    count(breaker, now, failure.weight);
    const inARow = breaker.consecutiveFailures >= consecutiveToOpen;
    if (!inARow && !failsOften(breaker)) return false;
  } else if (!failure.probe) {
    return false;
  }
  open(breaker, now, failure.random);
  return true;
}

function open(breaker: CircuitBreaker, now: MonotonicMs, random: number): void {
  breaker.state = "open";
  breaker.openings += 1;
  const openMs = Math.min(longestOpenMs, firstOpenMs * 2 ** (breaker.openings - 1));
  const jitter = 1 + jitterShare * (2 * random - 1);
  breaker.openUntil = (now + openMs * jitter) as MonotonicMs;
}

function close(breaker: CircuitBreaker, now: MonotonicMs): void {
  breaker.state = "closed";
  breaker.closedSince = now;
  breaker.consecutiveFailures = 0;
  breaker.failures.fill(0);
  breaker.totals.fill(0);
}

function count(breaker: CircuitBreaker, now: MonotonicMs, weight: number): void {
  const bucket = Math.floor(now / bucketMs);
  const steps = Math.min(bucketCount, bucket - breaker.bucket);
  for (let step = 0; step < steps; step += 1) {
    const at = (bucket - step) % bucketCount;
    breaker.failures[at] = 0;
    breaker.totals[at] = 0;
  }
  breaker.bucket = Math.max(breaker.bucket, bucket);
  const at = breaker.bucket % bucketCount;
  breaker.failures[at] = (breaker.failures[at] ?? 0) + weight;
  breaker.totals[at] = (breaker.totals[at] ?? 0) + 1;
}

/** Asked right after `count`, so that the window ends now. */
function failsOften(breaker: CircuitBreaker): boolean {
  let failures = 0;
  let total = 0;
  for (let at = 0; at < bucketCount; at += 1) {
    failures += breaker.failures[at] ?? 0;
    total += breaker.totals[at] ?? 0;
  }
  return total >= leastInWindow && failures >= total * rateToOpen;
}
