import { fieldInvalid } from "./field-invalid.ts";
import { checkLeaseAmount, maximumLeaseAmount } from "./lease-amount.ts";
import type { MonotonicMs, WallMs } from "./time.ts";

/**
 * How a quota lends: `bulk` ahead of demand, `precise` exactly what waiting requests need.
 */
export type LeaseMode = "bulk" | "precise";

/**
 * Milliseconds by which a holder stops using a lease before its life ends, for the difference of
 * two machines' clock rates (reliability §3.2).
 */
export const leaseExpiryMarginMs = 500;

/** What one answer of quota lends: `amount` on top of what the lease has, in the quota's unit. */
export interface LeaseGrant {
  readonly leaseId: string;
  /** Start counter of the holder; a grant for another epoch is not this process's to spend. */
  readonly epoch: number;
  /** Number of the sync that quota answered; each is merged once. */
  readonly sequence: number;
  readonly mode: LeaseMode;
  readonly amount: number;
  readonly periodStartMs: WallMs;
  readonly periodEndMs: WallMs;
  /** Life of the lease in milliseconds from the moment quota answered. */
  readonly lifeMs: number;
}

/**
 * One lease as its holder keeps it: an amount within the period `[periodStartMs, periodEndMs)`.
 * Changed in place by the functions of this package only; all amounts are safe integers.
 */
export interface LeaseState {
  readonly quotaKey: string;
  readonly leaseId: string;
  readonly epoch: number;
  /** The newest sync whose answer was merged. */
  sequence: number;
  mode: LeaseMode;
  /** Sum of the grants; stops at the lease cap. */
  granted: number;
  /** Held by requests in flight. */
  reserved: number;
  /** Settled; may exceed what was granted, because a request may use more than it reserved. */
  spent: number;
  /** Sum over settlements of what went beyond the reservation. */
  overshoot: number;
  /** What was available right after the latest grant; half of it is the low-water mark. */
  fullAvailable: number;
  readonly periodStartMs: WallMs;
  readonly periodEndMs: WallMs;
  lifeMs: number;
  expiresAtMonotonic: MonotonicMs;
  /** A closed lease admits nothing and takes no grant; its unspent part went back to quota. */
  closed: boolean;
}

function expiryOf(requestedAt: MonotonicMs, lifeMs: number): MonotonicMs {
  return (requestedAt + lifeMs - leaseExpiryMarginMs) as MonotonicMs;
}

/**
 * The lease a first grant makes. `requestedAt` is when the request was **sent**: counting from
 * there, the holder's expiry is never later than quota's, however long the answer took.
 * Throws FIELD_INVALID for amounts that are no safe integers, an empty period, or a life that is
 * not a positive number of milliseconds.
 */
export function createLease(
  quotaKey: string,
  grant: LeaseGrant,
  requestedAt: MonotonicMs,
): LeaseState {
  checkGrant(grant);
  if (!(grant.periodStartMs < grant.periodEndMs)) {
    throw fieldInvalid("period", "must end after it starts");
  }
  return {
    quotaKey,
    leaseId: grant.leaseId,
    epoch: grant.epoch,
    sequence: grant.sequence,
    mode: grant.mode,
    granted: grant.amount,
    reserved: 0,
    spent: 0,
    overshoot: 0,
    fullAvailable: grant.amount,
    periodStartMs: grant.periodStartMs,
    periodEndMs: grant.periodEndMs,
    lifeMs: grant.lifeMs,
    expiresAtMonotonic: expiryOf(requestedAt, grant.lifeMs),
    closed: false,
  };
}

function checkGrant(grant: LeaseGrant): void {
  checkLeaseAmount(grant.amount, "amount");
  if (!(grant.lifeMs > 0 && Number.isFinite(grant.lifeMs))) {
    throw fieldInvalid("life", "must be a positive number of milliseconds");
  }
}

/**
 * `merged`, or why not: the grant is for another lease, period or epoch, its sync is not newer than
 * the last one merged, or the lease is closed (then the amount belongs to quota again).
 */
export type MergeResult = "merged" | "other_lease" | "replayed" | "closed";

/**
 * Takes the grant of a later sync of the same lease: adds its amount (0 only renews) and moves the
 * expiry. An answer that arrives twice adds nothing, so syncs must be merged in order; an expired
 * lease lives again, because quota says so.
 * Throws FIELD_INVALID like `createLease`.
 */
export function mergeGrant(
  lease: LeaseState,
  grant: LeaseGrant,
  requestedAt: MonotonicMs,
): MergeResult {
  checkGrant(grant);
  const same =
    grant.leaseId === lease.leaseId &&
    grant.epoch === lease.epoch &&
    grant.periodStartMs === lease.periodStartMs &&
    grant.periodEndMs === lease.periodEndMs;
  if (!same) return "other_lease";
  if (lease.closed) return "closed";
  if (grant.sequence <= lease.sequence) return "replayed";
  lease.sequence = grant.sequence;
  lease.expiresAtMonotonic = expiryOf(requestedAt, grant.lifeMs);
  lease.lifeMs = grant.lifeMs;
  lease.mode = grant.mode;
  if (grant.amount > 0) {
    lease.granted = Math.min(maximumLeaseAmount, lease.granted + grant.amount);
    lease.fullAvailable = Math.max(0, available(lease));
  }
  return "merged";
}

/** What may still be reserved; negative after an overshoot, until quota grants more. */
export function available(lease: LeaseState): number {
  return lease.granted - lease.spent - lease.reserved;
}

/** Whether the lease admits anything now: not closed, not expired, and `wall` within its period. */
export function isUsable(lease: LeaseState, wall: WallMs, monotonic: MonotonicMs): boolean {
  return (
    !lease.closed &&
    monotonic < lease.expiresAtMonotonic &&
    wall >= lease.periodStartMs &&
    wall < lease.periodEndMs
  );
}

/**
 * Whether to ask for a grant before one is missing: below half of the latest grant, or less than
 * half of its life left. In precise mode the amount is never a reason (a request that finds no room
 * asks at once), and life only matters while requests are in flight.
 */
export function needsRenewal(lease: LeaseState, monotonic: MonotonicMs): boolean {
  if (lease.closed) return false;
  const ageing = lease.expiresAtMonotonic - monotonic < lease.lifeMs / 2;
  if (lease.mode === "precise") return ageing && lease.reserved > 0;
  return ageing || available(lease) * 2 < lease.fullAvailable;
}

/**
 * Ends the lease for new requests and says how much of it goes back to quota now. Requests in
 * flight still settle or release; what they leave over goes back by `returnable` once they ended.
 */
export function closeLease(lease: LeaseState): number {
  lease.closed = true;
  return returnable(lease);
}

/**
 * What of a closed lease is neither spent nor held, and thus belongs to quota again; 0 while the
 * lease is open. The value is a state, not a flow: report the newest, do not add them up.
 */
export function returnable(lease: LeaseState): number {
  return lease.closed ? Math.max(0, available(lease)) : 0;
}

/** Closes the lease if it expired or its period is over. True if it is closed (now or before). */
export function expireLease(lease: LeaseState, wall: WallMs, monotonic: MonotonicMs): boolean {
  if (monotonic >= lease.expiresAtMonotonic || wall >= lease.periodEndMs) lease.closed = true;
  return lease.closed;
}
