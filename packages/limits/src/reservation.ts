import { checkLeaseAmount, maximumLeaseAmount } from "./lease-amount.ts";
import { available, isUsable } from "./lease.ts";
import type { LeaseState } from "./lease.ts";
import type { MonotonicMs, WallMs } from "./time.ts";

/**
 * Holds `amount` on the lease for a request; false, and without effect, when the lease is closed,
 * expired, outside its period or has less than `amount` available. What is held ends exactly once,
 * by `settleReserved` (the request used something) or `releaseReserved` (it used nothing); who holds
 * it sees to that. Throws FIELD_INVALID when `amount` is not a safe integer of at least 0.
 */
export function reserve(
  lease: LeaseState,
  amount: number,
  wall: WallMs,
  monotonic: MonotonicMs,
): boolean {
  checkLeaseAmount(amount, "amount");
  if (!isUsable(lease, wall, monotonic) || amount > available(lease)) return false;
  lease.reserved += amount;
  return true;
}

/**
 * Ends the hold of `amount` with what was really used, more or less than that; also when the lease
 * has expired meanwhile, because it was used all the same. The lease's sums stop at 2^53 - 1. Throws
 * FIELD_INVALID, without effect, when `actual` is not a safe integer of at least 0.
 */
export function settleReserved(lease: LeaseState, amount: number, actual: number): void {
  checkLeaseAmount(actual, "actual");
  lease.reserved -= amount;
  lease.spent = Math.min(maximumLeaseAmount, lease.spent + actual);
  if (actual > amount) {
    lease.overshoot = Math.min(maximumLeaseAmount, lease.overshoot + actual - amount);
  }
}

/** Ends the hold of `amount` without a charge. */
export function releaseReserved(lease: LeaseState, amount: number): void {
  lease.reserved -= amount;
}
