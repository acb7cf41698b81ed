import { checkLeaseAmount, maximumLeaseAmount } from "./lease-amount.ts";
import { available, isUsable } from "./lease.ts";
import type { LeaseState } from "./lease.ts";
import type { MonotonicMs, WallMs } from "./time.ts";

/**
 * One request's hold on one lease. It ends exactly once: `settleReservation` (the request used
 * something) or `releaseReservation` (it used nothing).
 */
export interface Reservation {
  readonly lease: LeaseState;
  readonly amount: number;
  /** When it was made; a sliding minute counts the charge in the slot of this moment. */
  readonly reservedAtMs: WallMs;
  state: "held" | "settled" | "released";
  /** What was charged by the settlement; 0 until then and after a release. */
  charged: number;
}

/** One lease and the amount to reserve on it, in the lease's unit. */
export interface ReservationRequest {
  readonly lease: LeaseState;
  readonly amount: number;
}

/**
 * Holds `amount` on the lease, or returns undefined when the lease is closed, expired, outside its
 * period or has less than `amount` available. Throws FIELD_INVALID when `amount` is not a safe
 * integer of at least 0.
 */
export function reserve(
  lease: LeaseState,
  amount: number,
  wall: WallMs,
  monotonic: MonotonicMs,
): Reservation | undefined {
  checkLeaseAmount(amount, "amount");
  if (!isUsable(lease, wall, monotonic) || amount > available(lease)) return undefined;
  lease.reserved += amount;
  return { lease, amount, reservedAtMs: wall, state: "held", charged: 0 };
}

/** All reservations of a request, or the first lease that had no room (then nothing is held). */
export type ReserveAllResult =
  | { readonly reservations: Reservation[] }
  | { readonly refused: LeaseState };

/** Reserves on every lease or on none; a lease that occurs twice must have room for both. */
export function reserveAll(
  requests: readonly ReservationRequest[],
  wall: WallMs,
  monotonic: MonotonicMs,
): ReserveAllResult {
  for (const request of requests) checkLeaseAmount(request.amount, "amount");
  const reservations: Reservation[] = [];
  for (const request of requests) {
    const reservation = reserve(request.lease, request.amount, wall, monotonic);
    if (reservation === undefined) {
      for (const made of reservations) releaseReservation(made);
      return { refused: request.lease };
    }
    reservations.push(reservation);
  }
  return { reservations };
}

/**
 * Ends the reservation with what was really used, more or less than was reserved; also when the
 * lease has expired meanwhile, because the amount was used all the same. Returns false, and changes
 * nothing, when the reservation had ended before. The lease's sums stop at 2^53 - 1; the charge
 * itself is exact. Throws FIELD_INVALID when `actual` is not a safe integer of at least 0.
 */
export function settleReservation(reservation: Reservation, actual: number): boolean {
  checkLeaseAmount(actual, "actual");
  if (reservation.state !== "held") return false;
  const { lease, amount } = reservation;
  reservation.state = "settled";
  reservation.charged = actual;
  lease.reserved -= amount;
  lease.spent = Math.min(maximumLeaseAmount, lease.spent + actual);
  if (actual > amount) {
    lease.overshoot = Math.min(maximumLeaseAmount, lease.overshoot + actual - amount);
  }
  return true;
}

/** Ends the reservation without a charge. False, without effect, when it had ended before. */
export function releaseReservation(reservation: Reservation): boolean {
  if (reservation.state !== "held") return false;
  reservation.state = "released";
  reservation.lease.reserved -= reservation.amount;
  return true;
}
