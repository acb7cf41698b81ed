import { releaseTime, wallMs } from "@penstock/limits";

import { expireLease, finishLease } from "../ledger/lease.ts";
import type { Lease } from "../ledger/lease.ts";
import type { LedgerPage } from "../ledger/ledger-page.ts";

/** How long after a lease's end its holder may still be using it, in milliseconds (§3.2). */
export const expiryGraceMs = 2_000;
/** How long money of a holder that fell silent is kept for its events, in milliseconds (§3.3). */
export const quarantineMs = 900_000;
/** How long money that a living holder reported as spent waits for its events: a day. */
export const reportedQuarantineMs = 86_400_000;

/** What is known of a lease's holder when its lease is looked at. */
export interface HolderFacts {
  /** Every event of the lease's epoch is posted and there will be no more. */
  readonly retired: boolean;
  /** When any life of the holder was last heard of. */
  readonly seenMs: number;
}

/**
 * What time does to a lease. Rates: free at expiry and grace, gone with their slot. Money: kept
 * until the epoch is retired and posted, or the quarantine is over.
 */
export function ageLease(lease: Lease, facts: HolderFacts, nowMs: number): Lease {
  if (facts.retired) return finishLease(lease);
  const overdueMs = nowMs - lease.expireMs;
  if (overdueMs < expiryGraceMs) return lease;
  if (lease.rate) {
    const released = nowMs >= releaseTime(wallMs(lease.periodStartMs));
    return released ? finishLease(lease) : expireLease(lease);
  }
  if (overdueMs < quarantineMs) return lease;
  const lives = nowMs - facts.seenMs < quarantineMs;
  if (lives && overdueMs < reportedQuarantineMs) return expireLease(lease);
  return finishLease(lease);
}

/** Ages every lease of the page. Gives those that changed. */
export function expireLeases(
  page: LedgerPage,
  facts: ReadonlyMap<string, HolderFacts>,
  nowMs: number,
): Lease[] {
  const changed: Lease[] = [];
  for (const [id, fact] of facts) {
    const lease = page.lease(id);
    if (lease === undefined || lease.state === "finished") continue;
    const next = ageLease(lease, fact, nowMs);
    if (next === lease) continue;
    page.putLease(next);
    changed.push(next);
  }
  return changed;
}
