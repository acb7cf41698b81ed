import type { Charge } from "@penstock/api";
import type { WallMs } from "@penstock/limits";
import type { HeldLease } from "./held-lease.ts";
import type { QuotaState } from "./quota-state.ts";
import type { QuotaUse } from "./reserve-outcome.ts";
import type { UnleasedAllowance } from "./unleased-allowance.ts";

/**
 * Of what a request holds an amount of one quota: of a lease; of an allowance that stands in for
 * leases; or of nothing, because the quota asks for nothing now. Requests share it, as the amount is
 * that of their use.
 */
export interface Hold {
  readonly state: QuotaState;
  readonly held: HeldLease | undefined;
  readonly allowance: UnleasedAllowance | undefined;
  /** The quota was deleted: nothing is charged. */
  readonly exempt: boolean;
}

/** What one request holds on all its quotas. Ended once, by `LeaseBook.settle` or `void`. */
export class Reservation {
  readonly uses: readonly QuotaUse[];
  /** Parallel to `uses`. */
  readonly holds: readonly Hold[];
  /** When it was made, by quota's clock; unleased amounts are charged to this moment's period. */
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
