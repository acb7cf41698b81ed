/**
 * `open`: the holder may reserve on it. `closed`: it may not, but requests that run, or events on
 * their way, still hold a part. `finished`: it holds nothing and never will again.
 */
export type LeaseState = "open" | "closed" | "finished";

/** One loan of a quota instance to one life of a holder. Amounts in the unit of the quota. */
export interface Lease {
  readonly id: string;
  readonly quota: string;
  /** The account it is taken from. */
  readonly periodStartMs: number;
  /** Within `[validFromMs, validToMs)` the holder may reserve on it. */
  readonly validFromMs: number;
  readonly validToMs: number;
  readonly rate: boolean;
  readonly holder: string;
  readonly epoch: bigint;
  readonly granted: bigint;
  /** What the holder says it settled. */
  readonly spent: bigint;
  /** What the holder says running requests hold. */
  readonly reserved: bigint;
  /** What usage events have charged. */
  readonly posted: bigint;
  /** Its part of the account's `leased`: not used as far as known. */
  readonly heldLeased: bigint;
  /** Its part of the account's `pending`: used, the event on its way. */
  readonly heldPending: bigint;
  readonly state: LeaseState;
  /** Sequence of the newest sync that reported on it. */
  readonly reportSequence: bigint;
  readonly createMs: number;
  readonly expireMs: number;
}

/** What a holder says of a lease, and in which sync. */
export interface Report {
  readonly spent: bigint;
  readonly reserved: bigint;
  readonly closed: boolean;
  readonly sequence: bigint;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/**
 * The lease with its holds computed anew. Only a grant makes a hold larger: what was given back
 * may have been lent to another holder already, so later news of spending arrive as charges.
 */
function withHolds(lease: Lease): Lease {
  const ceiling =
    lease.state === "open" ? lease.granted : smaller(lease.granted, lease.spent + lease.reserved);
  const before = lease.heldLeased + lease.heldPending;
  const hold = smaller(before, larger(0n, ceiling - lease.posted));
  const heldPending = smaller(hold, larger(0n, lease.spent - lease.posted));
  const finished = lease.state !== "open" && hold === 0n;
  return {
    ...lease,
    heldPending,
    heldLeased: hold - heldPending,
    state: finished ? "finished" : lease.state,
  };
}

/** More of the same lease, until a later expiry. */
export function extendLease(lease: Lease, amount: bigint, expireMs: number): Lease {
  return {
    ...lease,
    granted: lease.granted + amount,
    heldLeased: lease.heldLeased + amount,
    expireMs: Math.max(lease.expireMs, expireMs),
  };
}

/** Takes a report. Spending only grows; of two syncs that overtook each other the newer counts. */
export function reportLease(lease: Lease, report: Report): Lease {
  if (lease.state === "finished") return lease;
  const newer = report.sequence > lease.reportSequence;
  return withHolds({
    ...lease,
    spent: larger(lease.spent, report.spent),
    reserved: newer ? larger(0n, report.reserved) : lease.reserved,
    state: report.closed ? "closed" : lease.state,
    reportSequence: newer ? report.sequence : lease.reportSequence,
  });
}

/** Charges `amount` (at least 0) of an event to the lease that it was reserved on. */
export function chargeLease(lease: Lease, amount: bigint): Lease {
  const charged = { ...lease, posted: lease.posted + amount };
  return lease.state === "finished" ? charged : withHolds(charged);
}

/**
 * Frees what the holder neither spent nor held for a running request when it was last heard of:
 * its time to reserve is over.
 */
export function expireLease(lease: Lease): Lease {
  return lease.state === "open" ? withHolds({ ...lease, state: "closed" }) : lease;
}

/** Frees everything: no event of this lease will come any more. */
export function finishLease(lease: Lease): Lease {
  return { ...lease, heldLeased: 0n, heldPending: 0n, state: "finished" };
}
