import type { Report } from "../ledger/lease.ts";

/** What a holder wants of one quota. Amounts in the unit of the quota, at least 0. */
export interface Want {
  readonly quota: string;
  /** What waiting reservations need now. */
  readonly needed: bigint;
  /** What is wanted ahead of need. */
  readonly wanted: bigint;
  readonly largestReservation: bigint;
  readonly demandPerSecond: number;
}

/** A report and the lease that it is about. */
export interface LeaseReport extends Report {
  readonly leaseId: string;
}

/** One sync of one holder. */
export interface Sync {
  readonly holder: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly reports: readonly LeaseReport[];
  readonly wants: readonly Want[];
  readonly retiredEpochs: readonly { readonly epoch: bigint; readonly lastSequence: bigint }[];
  /** Revision of the configuration that the holder uses. */
  readonly revision: bigint;
}

/** What became of a wish. */
export interface Grant {
  readonly quota: string;
  readonly status: "granted" | "exhausted" | "not_yet" | "gone";
  /** Empty: none. */
  readonly leaseId: string;
  readonly amount: bigint;
  readonly periodStartMs: number;
  readonly periodEndMs: number;
  readonly lifeMs: number;
  readonly mode: "bulk" | "precise";
  readonly limit: bigint;
  readonly available: bigint;
  /** Undefined: now, or never. */
  readonly resetMs: number | undefined;
}

/** The answer to a sync. */
export interface SyncAnswer {
  readonly grants: readonly Grant[];
  readonly revokedLeaseIds: readonly string[];
  readonly serverMs: number;
  /** Of a later life of the holder; 0: the sync is of the newest. */
  readonly newestEpoch: bigint;
}
