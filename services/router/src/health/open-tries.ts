/** Of what is asked while all breakers are open, the share that is let through at any time. */
const openShare = 0.1;
/** Attempts on a target that may run at once then. */
const mostAtOnce = 3;
/** After so long without one the next attempt is let through. Unit: milliseconds. */
const intervalMs = 1_000;

/** Attempts on a target that are made although its breaker is open, for want of a better one. */
export interface OpenTries {
  /** Those that have not ended. */
  running: number;
  /** When the last of them began. Monotonic; -Infinity: none did. */
  lastMs: number;
}

/** None was made. */
export function createOpenTries(): OpenTries {
  return { running: 0, lastMs: -Infinity };
}

/**
 * Whether one more may be made: one a second and a tenth of the others, and few at once, so that a
 * vendor that fails is neither flooded nor given up (reliability §2.5). `random` gives a number
 * from 0 to below 1.
 */
export function mayTryOpen(tries: OpenTries, nowMs: number, random: () => number): boolean {
  if (tries.running >= mostAtOnce) return false;
  return nowMs - tries.lastMs >= intervalMs || random() < openShare;
}

/** One begins. */
export function beginOpenTry(tries: OpenTries, nowMs: number): void {
  tries.running += 1;
  tries.lastMs = nowMs;
}

/** One ends. What began before the breaker opened is none: its end makes no room for another. */
export function endOpenTry(tries: OpenTries): void {
  tries.running = Math.max(0, tries.running - 1);
}
