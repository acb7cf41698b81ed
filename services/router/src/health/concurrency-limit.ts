import type { MonotonicMs } from "@penstock/limits";

/** The limit never falls below this, or below the cap if that is smaller (decisions §4). */
const leastLimit = 8;

/** Refusals of one burst are one signal: the limit is halved at most once in this time. */
const halvingIntervalMs = 1_000;

/**
 * How many attempts a target may have at once: starts at the cap, is halved when the provider says
 * that it is too much, and grows by one for each `limit` successes. Changed in place.
 */
export interface ConcurrencyLimit {
  cap: number;
  limit: number;
  successes: number;
  halvedAt: MonotonicMs;
}

/** A limit at its cap; `cap` is a whole number of at least 1. */
export function createConcurrencyLimit(cap: number): ConcurrencyLimit {
  return { cap, limit: cap, successes: 0, halvedAt: -Infinity as MonotonicMs };
}

/** The provider refused because of load. */
export function shrinkLimit(state: ConcurrencyLimit, now: MonotonicMs): void {
  if (now - state.halvedAt < halvingIntervalMs) return;
  state.halvedAt = now;
  state.successes = 0;
  const least = Math.min(leastLimit, state.cap);
  state.limit = Math.max(least, Math.floor(state.limit / 2));
}

/** An attempt succeeded. */
export function growLimit(state: ConcurrencyLimit): void {
  if (state.limit >= state.cap) return;
  state.successes += 1;
  if (state.successes < state.limit) return;
  state.successes = 0;
  state.limit += 1;
}

/** The configured cap changed: a limit at its cap follows it, a lower one stays within it. */
export function changeCap(state: ConcurrencyLimit, cap: number): void {
  if (cap === state.cap) return;
  const atCap = state.limit >= state.cap;
  state.cap = cap;
  state.limit = atCap ? cap : Math.min(state.limit, cap);
}
