import type { QuotaUse } from "./reserve-outcome.ts";

/** What one request holds on all its quotas. Ended once, by `LeaseBook.settle` or `void`. */
export declare class Reservation {
  readonly uses: readonly QuotaUse[];
  readonly ended: boolean;
}
