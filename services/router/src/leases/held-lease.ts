import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { LeaseState } from "@penstock/limits";
import { timestampOf } from "../usage/timestamp-of.ts";
import type { QuotaState } from "./quota-state.ts";
import type { Hold } from "./reservation.ts";

/** A lease and what quota was last told of it, and has confirmed to have heard. */
export class HeldLease {
  readonly lease: LeaseState;
  /** Of those that hold a part of it. */
  readonly hold: Hold;
  /** What charges say of it, as messages have it. */
  readonly periodStartTime: Timestamp;
  readonly leaseEpoch: bigint;
  reportedSpent = 0;
  reportedReserved = 0;
  reportedClosed = false;

  constructor(state: QuotaState, lease: LeaseState) {
    this.lease = lease;
    this.hold = { state, held: this, allowance: undefined, exempt: false };
    this.periodStartTime = timestampOf(lease.periodStartMs);
    this.leaseEpoch = BigInt(lease.epoch);
  }
}
