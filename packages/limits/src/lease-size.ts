import { maximumLeaseAmount } from "./lease-amount.ts";
import { available } from "./lease.ts";
import type { LeaseState } from "./lease.ts";

/** How often a holder syncs its leases, in milliseconds (decisions §6: once a second). */
export const syncIntervalMs = 1_000;

/** The round trip to quota that a lease must outlast besides the sync interval, in milliseconds. */
export const assumedRoundTripMs = 50;

/**
 * Reservations of the largest recent size that a bulk lease has room for at least. A reservation is
 * a cautious estimate that is settled far lower; with room for one only, every request of a slow
 * stream of them would find a little too little and wait for quota. Refilled at half, two are left.
 */
export const bulkReservations = 4;

/** What a holder knows about the demand for one quota at a moment; amounts in the quota's unit. */
export interface LeaseDemand {
  readonly perSecond: number;
  readonly largestReservation: number;
  /** Sum of what requests ask for that wait for a precise grant right now. */
  readonly waiting: number;
}

/**
 * The size a lease should have: twice the demand of one sync interval and round trip, so that the
 * refill at half arrives in time (reliability §3.4). A whole number from 0 to the lease cap.
 */
export function targetLeaseSize(perSecond: number, roundTripMs: number): number {
  const size = Math.ceil((2 * perSecond * (syncIntervalMs + roundTripMs)) / 1000);
  return size > 0 ? Math.min(size, maximumLeaseAmount) : 0;
}

/** What waiting requests lack right now, 0 for nothing; see `LeaseWant.needed`. */
export function needed(lease: LeaseState | undefined, demand: LeaseDemand): number {
  return missingTo(demand.waiting, lease);
}

function missingTo(target: number, lease: LeaseState | undefined): number {
  const room = lease === undefined || lease.closed ? 0 : available(lease);
  return Math.min(maximumLeaseAmount, Math.max(0, Math.ceil(target) - room));
}

function aheadOfNeed({ perSecond, largestReservation }: LeaseDemand): number {
  const size = targetLeaseSize(perSecond, assumedRoundTripMs);
  if (perSecond <= 0 || largestReservation <= 0) return size;
  const reservations = Math.max(bulkReservations, Math.ceil(size / largestReservation));
  return reservations * largestReservation;
}

/**
 * How much more to ask quota for, 0 for nothing. In precise mode it is what waiting requests lack;
 * in bulk mode what is missing to the target size, and at least to a few of the largest recent
 * reservations as long as there is demand. An overshoot is asked for as well, so that it is
 * covered. What is wanted ahead of need makes room for whole reservations of that size. Without a
 * lease (undefined) the whole size.
 */
export function wanted(lease: LeaseState | undefined, demand: LeaseDemand): number {
  const target =
    lease?.mode === "precise" ? demand.waiting : Math.max(demand.waiting, aheadOfNeed(demand));
  return missingTo(target, lease);
}
