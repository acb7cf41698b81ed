import { monotonicMs, wallMs } from "@penstock/limits";
import type { MonotonicMs, WallMs } from "@penstock/limits";

/** A scheduled call that has not happened yet. */
export interface Timer {
  /** Drops the call; cancelling twice, or after it ran, does nothing. */
  cancel(): void;
}

/**
 * The time of a process. Periods and records use the wall clock, which an operator may set;
 * leases, deadlines and rates use the monotonic one, which only moves forward.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  wallMs(): WallMs;
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  monotonicMs(): MonotonicMs;
  /** Calls `run` once, `delayMs` from now (at least on a later turn of the event loop). */
  schedule(delayMs: number, run: () => void): Timer;
}

/** Node fires a longer timeout at once, so longer delays are cut to this (24.8 days); in ms. */
export const longestTimeoutMs = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  wallMs: () => wallMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  schedule(delayMs, run) {
    const timeout = setTimeout(run, Math.min(Math.max(delayMs, 0), longestTimeoutMs));
    return { cancel: () => clearTimeout(timeout) };
  },
};
