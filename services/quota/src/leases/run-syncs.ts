import { reportLease } from "../ledger/lease.ts";
import type { LedgerPage } from "../ledger/ledger-page.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import { grantLeases } from "./grant-leases.ts";
import type { GrantContext, HolderWant } from "./grant-leases.ts";
import type { Grant, LeaseReport, Sync, SyncAnswer, Want } from "./sync.ts";

type Snapshot = ReturnType<QuotaConfiguration["current"]>;

/** A sync and the newest epoch of its holder, which fences it when it is higher than its own. */
export interface FencedSync {
  readonly sync: Sync;
  readonly newestEpoch: bigint;
}

/**
 * Runs the syncs of one transaction on a loaded part of the ledger: first every report, so that
 * what one holder gives back another may get at once, then the wishes, quota by quota.
 */
export function runSyncs(
  page: LedgerPage,
  syncs: readonly FencedSync[],
  snapshot: Snapshot,
  context: GrantContext,
): SyncAnswer[] {
  const revoked = syncs.map((fenced) => takeReports(page, fenced, context.nowMs));
  const grants = syncs.map(({ sync }) => sync.wants.map((): Grant | undefined => undefined));
  for (const [quota, places] of placesByQuota(syncs)) {
    const granted = grantQuota(page, quota, { places, syncs, snapshot, context });
    for (const [at, place] of places.entries()) {
      const list = grants[place.sync];
      if (list !== undefined) list[place.want] = granted[at];
    }
  }
  return syncs.map(({ sync, newestEpoch }, index) => ({
    grants: (grants[index] ?? []).filter((grant) => grant !== undefined),
    revokedLeaseIds: revoked[index] ?? [],
    serverMs: context.nowMs,
    newestEpoch: sync.epoch < newestEpoch ? newestEpoch : 0n,
  }));
}

function takeReports(page: LedgerPage, { sync, newestEpoch }: FencedSync, nowMs: number): string[] {
  const revoked: string[] = [];
  for (const report of sync.reports) {
    const lease = page.lease(report.leaseId);
    if (lease === undefined || lease.holder !== sync.holder || lease.epoch !== sync.epoch) {
      revoked.push(report.leaseId);
      continue;
    }
    page.putLease(reportLease(lease, report));
    const usable = sync.epoch === newestEpoch && isStillGood(page, report, nowMs);
    if (!usable && !report.closed) revoked.push(report.leaseId);
  }
  return revoked;
}

/** An open lease stays so while it has not run out and its quota neither vanished nor shrank. */
function isStillGood(page: LedgerPage, report: LeaseReport, nowMs: number): boolean {
  const lease = page.lease(report.leaseId);
  if (lease === undefined || lease.state !== "open" || nowMs >= lease.expireMs) return false;
  const definition = page.instances.get(lease.quota)?.definition;
  const account = page.account(lease.quota, lease.periodStartMs);
  if (definition === undefined || account === undefined) return false;
  return account.posted + account.pending + account.leased <= definition.amount;
}

interface Place {
  readonly sync: number;
  readonly want: number;
}

function placesByQuota(syncs: readonly FencedSync[]): Map<string, Place[]> {
  const places = new Map<string, Place[]>();
  for (const [sync, { sync: one }] of syncs.entries()) {
    for (const [want, { quota }] of one.wants.entries()) {
      const list = places.get(quota);
      if (list === undefined) places.set(quota, [{ sync, want }]);
      else list.push({ sync, want });
    }
  }
  return places;
}

interface QuotaRound {
  readonly places: readonly Place[];
  readonly syncs: readonly FencedSync[];
  readonly snapshot: Snapshot;
  readonly context: GrantContext;
}

function grantQuota(page: LedgerPage, quota: string, round: QuotaRound): Grant[] {
  const { places, syncs, snapshot, context } = round;
  const instance = page.instances.get(quota);
  const wishes = places.flatMap((place) => {
    const fenced = syncs[place.sync];
    const want = fenced?.sync.wants[place.want];
    return fenced === undefined || want === undefined ? [] : [{ fenced, want }];
  });
  if (instance?.definition === undefined) {
    return wishes.map(({ fenced, want }) => unknownGrant(want, fenced.sync.revision, snapshot));
  }
  // A fenced holder gets nothing, but its place in the order must be kept.
  const wants: HolderWant[] = wishes.map(({ fenced: { sync, newestEpoch }, want }) => ({
    holder: sync.holder,
    epoch: sync.epoch,
    sequence: sync.sequence,
    want: sync.epoch < newestEpoch ? { ...want, needed: 0n, wanted: 0n } : want,
  }));
  const grants = grantLeases(page, instance, wants, context);
  return grants.map((grant, at) => {
    const fenced = wishes[at]?.fenced;
    const isFenced = fenced !== undefined && fenced.sync.epoch < fenced.newestEpoch;
    return isFenced ? { ...grant, status: "exhausted" as const, leaseId: "", amount: 0n } : grant;
  });
}

/** A quota that the snapshot does not know: not yet, or not any more. */
function unknownGrant(want: Want, revision: bigint, snapshot: Snapshot): Grant {
  const behind = snapshot === undefined || snapshot.revision < revision;
  const gone = !behind && resourceOfKey(want.quota) !== undefined;
  return {
    quota: want.quota,
    status: behind || !gone ? "not_yet" : "gone",
    leaseId: "",
    amount: 0n,
    periodStartMs: 0,
    periodEndMs: 0,
    lifeMs: 0,
    mode: "bulk",
    limit: 0n,
    available: 0n,
    resetMs: undefined,
  };
}
