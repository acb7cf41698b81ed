export { allocate, wholeReservations, alwaysPreciseLimit } from "./src/allocate-leases.ts";
export type {
  Allocation,
  AllocationRequest,
  LeaseAllotment,
  LeaseWant,
  QuotaKind,
} from "./src/allocate-leases.ts";
export {
  createDemand,
  demandPerSecond,
  demandTimeConstantMs,
  largestReservation,
  observeDemand,
  recentReservationMs,
} from "./src/demand.ts";
export type { Demand } from "./src/demand.ts";
export { checkLeaseAmount, leaseAmount, maximumLeaseAmount } from "./src/lease-amount.ts";
export {
  assumedRoundTripMs,
  needed,
  syncIntervalMs,
  targetLeaseSize,
  wanted,
} from "./src/lease-size.ts";
export type { LeaseDemand } from "./src/lease-size.ts";
export {
  available,
  closeLease,
  createLease,
  expireLease,
  isUsable,
  leaseExpiryMarginMs,
  mergeGrant,
  needsRenewal,
  returnable,
} from "./src/lease.ts";
export type { LeaseGrant, LeaseMode, LeaseState, MergeResult } from "./src/lease.ts";
export { maximumQuotaKeyLength, parseQuotaKey, quotaKey } from "./src/limit-key.ts";
export type { QuotaKeyParts } from "./src/limit-key.ts";
export { isTimeZone, makePeriodCalculator, periodOf } from "./src/period.ts";
export type { Period, PeriodKind } from "./src/period.ts";
export { releaseReserved, reserve, settleReserved } from "./src/reservation.ts";
export {
  countsAt,
  releaseTime,
  resetTimeMs,
  slotLengthMs,
  slotStart,
  slotsInWindow,
  spendInSlot,
  used,
  windowLengthMs,
} from "./src/sliding-minute.ts";
export type { SlotAmount } from "./src/sliding-minute.ts";
export { monotonicMs, wallMs } from "./src/time.ts";
export type { MonotonicMs, WallMs } from "./src/time.ts";
