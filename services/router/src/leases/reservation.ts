import type { Charge } from "@penstock/api";
import type { Reservation as LeaseReservation, WallMs } from "@penstock/limits";
import type { QuotaState } from "./quota-state.ts";
import type { QuotaUse } from "./reserve-outcome.ts";
import type { UnleasedAllowance } from "./unleased-allowance.ts";

/**
 * What one request holds of one quota: a part of a lease; a part of an allowance that stands in
 * for leases; or nothing, because the quota asks for nothing now.
 */
export interface Hold {
  readonly state: QuotaState;
  readonly lease: LeaseReservation | undefined;
  readonly allowance: UnleasedAllowance | undefined;
  /** The quota was deleted: nothing is charged. */
  readonly exempt: boolean;
}

/** What one request holds on all its quotas. Ended once, by `LeaseBook.settle` or `void`. */
export class Reservation {
  readonly uses: readonly QuotaUse[];
  /** Parallel to `uses`. */
  readonly holds: readonly Hold[];
  /** When it was made; unleased amounts are charged to the period of this moment. */
  readonly reservedAtMs: WallMs;
  ended = false;
  /** Made by `chargesOf` when they are asked for first. */
  charges: Charge[] | undefined;

  constructor(uses: readonly QuotaUse[], holds: readonly Hold[], reservedAtMs: WallMs) {
    this.uses = uses;
    this.holds = holds;
    this.reservedAtMs = reservedAtMs;
  }
}
