import type { Charge } from "@penstock/api";
import type { SpanContext } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { CompiledQuota } from "@penstock/snapshot";
import type { GrantWaiter, QuotaUse, ReserveOutcome } from "./reserve-outcome.ts";
import type { Reservation } from "./reservation.ts";

export interface LeaseBookOptions {
  readonly clock: Clock;
  /** Start counter of the holder. */
  readonly epoch: bigint;
}

export declare class LeaseBook {
  constructor(options: LeaseBookOptions);
  reserve(uses: readonly QuotaUse[]): ReserveOutcome;
  /** All uses of the request, not only the missing ones. `parent`: span of the request. */
  waitForGrant(
    uses: readonly QuotaUse[],
    timeoutMs: number,
    waiter: GrantWaiter,
    parent?: SpanContext,
  ): void;
  /** The caller went away; the waiter is not called any more. */
  stopWaiting(waiter: GrantWaiter): void;
  /** `actuals` parallel to `reservation.uses`. A second end throws an AssertionError. */
  settle(reservation: Reservation, actuals: readonly number[]): Charge[];
  void(reservation: Reservation): Charge[];
  /** Room now without asking quota, in the quota's unit; undefined: not known, quota would be asked. */
  estimateRoom(use: QuotaUse): number | undefined;
  /** Drops what is of quotas that are gone and forgets refusals of those that changed. */
  configurationChanged(quotas: ReadonlyMap<string, CompiledQuota>): void;
}
