import type { MonotonicMs } from "./time.ts";

/** Time constant of the average in milliseconds: a change of load is 63 % visible after 5 s. */
export const demandTimeConstantMs = 5_000;

/** How long a reservation counts as recent: between one and two of these, in milliseconds. */
export const recentReservationMs = 30_000;

/**
 * What one holder asks of one quota: an exponentially weighted rate, and the largest recent
 * reservation. Changed in place by `observeDemand`, which runs once per request and quota.
 */
export interface Demand {
  ratePerSecond: number;
  updatedAt: MonotonicMs;
  largest: number;
  previousLargest: number;
  largestSince: MonotonicMs;
}

/** The demand of a holder that has asked for nothing yet. */
export function createDemand(now: MonotonicMs): Demand {
  return { ratePerSecond: 0, updatedAt: now, largest: 0, previousLargest: 0, largestSince: now };
}

function rotateLargest(demand: Demand, now: MonotonicMs): void {
  const age = now - demand.largestSince;
  if (age < recentReservationMs) return;
  demand.previousLargest = age < 2 * recentReservationMs ? demand.largest : 0;
  demand.largest = 0;
  demand.largestSince = now;
}

/** Counts one request that asks for `amount` (of the quota's unit), granted or not. */
export function observeDemand(demand: Demand, amount: number, now: MonotonicMs): void {
  if (!(amount >= 0)) return;
  demand.ratePerSecond = demandPerSecond(demand, now) + (amount * 1000) / demandTimeConstantMs;
  if (now > demand.updatedAt) demand.updatedAt = now;
  rotateLargest(demand, now);
  if (amount > demand.largest) demand.largest = amount;
}

/** The demand at `now` in units per second; it fades to zero when nothing is asked. */
export function demandPerSecond(demand: Demand, now: MonotonicMs): number {
  const elapsedMs = now - demand.updatedAt;
  if (elapsedMs <= 0) return demand.ratePerSecond;
  return demand.ratePerSecond * Math.exp(-elapsedMs / demandTimeConstantMs);
}

/** The largest amount asked for at once during the last 30 to 60 s; 0 when there was none. */
export function largestReservation(demand: Demand, now: MonotonicMs): number {
  rotateLargest(demand, now);
  return Math.max(demand.largest, demand.previousLargest);
}
