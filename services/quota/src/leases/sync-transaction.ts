import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { SyncLeasesResponseSchema } from "@penstock/api";
import type { SyncLeasesResponse } from "@penstock/api";
import { GatewayError } from "@penstock/errors";

import { LedgerPage } from "../ledger/ledger-page.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import { keepAnswers, keptAnswers, meetHolders, retireEpochs } from "../storage/holder-store.ts";
import type { SyncFacts } from "../storage/holder-store.ts";
import { loadAccounts, loadLeases, lockQuotas, quotasOfLeases } from "../storage/ledger-store.ts";
import type { QuotaToLock } from "../storage/ledger-store.ts";
import { savePage } from "../storage/save-page.ts";
import type { LedgerTransaction } from "../storage/ledger-database.ts";
import { farEpochs } from "./far-epochs.ts";
import { runSyncs } from "./run-syncs.ts";
import type { FencedSync } from "./run-syncs.ts";
import { toSyncResponse } from "./sync-response.ts";
import type { Sync } from "./sync.ts";

/** What a transaction of syncs needs besides the database. */
export interface SyncContext {
  readonly configuration: QuotaConfiguration;
  readonly nowMs: number;
  newLeaseId(): string;
}

/** An answer, or why there is none. */
export type SyncOutcome =
  | { readonly response: SyncLeasesResponse }
  | { readonly error: GatewayError };

/**
 * Runs syncs of any number of holders in one transaction, one outcome for each in their order.
 * Locks in one order: holders, then quotas; both sorted.
 */
export async function runSyncTransaction(
  trx: LedgerTransaction,
  syncs: readonly Sync[],
  context: SyncContext,
): Promise<SyncOutcome[]> {
  const refusals = await farEpochs(trx, syncs, context.nowMs);
  const taken = syncs.filter((_, place) => refusals[place] === undefined);
  const outcomes = (taken.length === 0 ? [] : await runTaken(trx, taken, context)).values();
  return refusals.map((error) =>
    error === undefined ? (outcomes.next().value ?? { error: tooOld() }) : { error },
  );
}

async function runTaken(
  trx: LedgerTransaction,
  syncs: readonly Sync[],
  context: SyncContext,
): Promise<SyncOutcome[]> {
  const facts = await meetHolders(trx, syncs, context.nowMs);
  const outcomes = syncs.map((sync, place) => outcomeOfFacts(sync, facts[place]));
  const fresh: FencedSync[] = [];
  const places: number[] = [];
  const originals = placesOfOriginals(syncs);
  for (const [place, sync] of syncs.entries()) {
    if (outcomes[place] !== undefined || originals[place] !== place) continue;
    fresh.push({ sync, newestEpoch: facts[place]?.newestEpoch ?? sync.epoch });
    places.push(place);
  }
  const responses = await runFresh(trx, fresh, context);
  for (const [at, response] of responses.entries()) outcomes[places[at] ?? 0] = { response };
  const kept = fresh.flatMap(({ sync }, at) => {
    const response = responses[at];
    if (response === undefined) return [];
    return [{ ...identityOf(sync), answer: toBinary(SyncLeasesResponseSchema, response) }];
  });
  await keepAnswers(
    trx,
    kept.filter((one) => one.sequence > 0n),
  );
  const retired = fresh.flatMap(({ sync }) =>
    sync.retiredEpochs.map((ended) => ({ holder: sync.holder, ...ended })),
  );
  await retireEpochs(trx, retired, context.nowMs);
  return outcomes.map(
    (outcome, place) => outcome ?? outcomes[originals[place] ?? place] ?? { error: tooOld() },
  );
}

/** For each sync the place of the first that is the same: a retry may share its transaction. */
function placesOfOriginals(syncs: readonly Sync[]): number[] {
  const first = new Map<string, number>();
  return syncs.map(({ holder, epoch, sequence }, place) => {
    if (sequence === 0n) return place;
    const key = `${epoch} ${sequence} ${holder}`;
    const original = first.get(key) ?? place;
    first.set(key, original);
    return original;
  });
}

function identityOf({ holder, epoch, sequence }: Sync) {
  return { holder, epoch, sequence };
}

function outcomeOfFacts(sync: Sync, facts: SyncFacts | undefined): SyncOutcome | undefined {
  if (facts?.answer !== undefined) {
    return { response: fromBinary(SyncLeasesResponseSchema, facts.answer) };
  }
  const last = facts?.lastSequence ?? 0n;
  const forgotten = sync.sequence > 0n && sync.sequence <= last - keptAnswers;
  return forgotten ? { error: tooOld() } : undefined;
}

function tooOld(): GatewayError {
  const message = "this sync is older than the answers that are kept; send a new one";
  return new GatewayError("FAILED_PRECONDITION", message, { source: "downstream" });
}

async function runFresh(
  trx: LedgerTransaction,
  fresh: readonly FencedSync[],
  context: SyncContext,
): Promise<SyncLeasesResponse[]> {
  if (fresh.length === 0) return [];
  const { nowMs } = context;
  const snapshot = context.configuration.current();
  const leaseIds = [...new Set(fresh.flatMap(({ sync }) => sync.reports.map((r) => r.leaseId)))];
  const reported = await quotasOfLeases(trx, leaseIds);
  const toLock = new Map<string, QuotaToLock>();
  const wantedQuotas: string[] = [];
  for (const { sync } of fresh) {
    for (const { quota } of sync.wants) {
      const resource = resourceOfKey(quota);
      const definition = resource === undefined ? undefined : snapshot?.quotas.get(resource);
      if (resource === undefined || definition === undefined || toLock.has(quota)) continue;
      toLock.set(quota, { quota, resource, definition });
      wantedQuotas.push(quota);
    }
  }
  for (const quota of reported) {
    const resource = resourceOfKey(quota) ?? quota;
    if (toLock.has(quota)) continue;
    toLock.set(quota, { quota, resource, definition: snapshot?.quotas.get(resource) });
  }
  const instances = await lockQuotas(trx, [...toLock.values()], nowMs);
  const leases = await loadLeases(trx, leaseIds, { quotas: wantedQuotas, nowMs });
  const moments = leases.map((lease) => ({ quota: lease.quota, atMs: lease.periodStartMs }));
  const accounts = await loadAccounts(trx, { instances, quotas: wantedQuotas, moments, nowMs });
  const page = new LedgerPage({ instances, accounts, leases });
  const answers = runSyncs(page, fresh, snapshot, context);
  await savePage(trx, page);
  return answers.map(toSyncResponse);
}
