import { inTransaction, pruneSequences, tryAdvisoryLock } from "@penstock/database";
import { slotLengthMs, windowLengthMs } from "@penstock/limits";
import { linkSignals, sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";

import type { QuotaEvents } from "../events.ts";
import { LedgerPage } from "../ledger/ledger-page.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import { loadAccounts, loadLeases, lockQuotas } from "../storage/ledger-store.ts";
import { savePage } from "../storage/save-page.ts";
import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { schemaName } from "../storage/schema.ts";
import { dueLeases, pruneLedger } from "../storage/sweep-store.ts";
import type { DueLease } from "../storage/sweep-store.ts";
import {
  expireLeases,
  expiryGraceMs,
  quarantineMs,
  reportedQuarantineMs,
} from "./expire-leases.ts";

const sweepIntervalMs = 1_000;
const pruneIntervalMs = 60_000;
/** Leases and rows in one transaction, so that syncs come through in between. */
const sweepSize = 500;
const pruneSize = 1_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** What the sweeper works with. */
export interface SweeperDependencies {
  readonly db: LedgerDatabase;
  readonly clock: Clock;
  readonly configuration: QuotaConfiguration;
  readonly events: QuotaEvents;
  /** How long charges of budgets are kept, in days. */
  readonly transferRetentionDays: number;
}

/** Ends leases whose time is over, a bounded number; true when there may be more. */
export async function sweepLeases(dependencies: SweeperDependencies): Promise<boolean> {
  const { db, clock, configuration, events } = dependencies;
  const nowMs = clock.wallMs();
  const due = await dueLeases(db, dueTimes(nowMs), sweepSize);
  if (due.length === 0) return false;
  const ended = await inTransaction(db, async (trx) => {
    const quotas = [...new Set(due.map((lease) => lease.quota))];
    const snapshot = configuration.current();
    const toLock = quotas.map((quota) => {
      const resource = resourceOfKey(quota) ?? quota;
      return { quota, resource, definition: snapshot?.quotas.get(resource) };
    });
    const instances = await lockQuotas(trx, toLock, nowMs);
    const leases = await loadLeases(
      trx,
      due.map((lease) => lease.id),
      { quotas: [], nowMs },
    );
    const moments = leases.map((lease) => ({ quota: lease.quota, atMs: lease.periodStartMs }));
    const accounts = await loadAccounts(trx, { instances, quotas: [], moments, nowMs });
    const page = new LedgerPage({ instances, accounts, leases });
    const changed = expireLeases(page, factsOf(due), nowMs);
    await savePage(trx, page);
    return changed;
  });
  const finished = ended.filter((lease) => lease.state === "finished").length;
  events.leasesEnded(ended.length - finished, finished);
  return due.length === sweepSize && ended.length > 0;
}

function dueTimes(nowMs: number) {
  return {
    graceMs: nowMs - expiryGraceMs,
    quarantineMs: nowMs - quarantineMs,
    reportedMs: nowMs - reportedQuarantineMs,
    releaseMs: nowMs - slotLengthMs - windowLengthMs,
  };
}

function factsOf(due: readonly DueLease[]): Map<string, DueLease> {
  return new Map(due.map((lease) => [lease.id, lease]));
}

/** Deletes what nobody needs any more, a bounded number of rows; true when there may be more. */
export async function prune(dependencies: SweeperDependencies): Promise<boolean> {
  const { db, clock, transferRetentionDays } = dependencies;
  const nowMs = clock.wallMs();
  const times = {
    transfersMs: nowMs - transferRetentionDays * dayMs,
    rateTransfersMs: nowMs - dayMs,
    leasesMs: nowMs - dayMs,
    slotsMs: nowMs - hourMs,
    holdersMs: nowMs - 30 * dayMs,
  };
  const most = await pruneLedger(db, times, pruneSize);
  await pruneSequences(db, schemaName, nowMs);
  return most >= pruneSize;
}

/**
 * Sweeps until the signal aborts. All replicas of the service run it; the one that holds the
 * advisory lock works, the others ask for it once a second.
 */
export async function runSweeper(
  dependencies: SweeperDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock, events } = dependencies;
  while (!signal.aborted) {
    try {
      await sweepAlone(dependencies, signal);
    } catch (error) {
      if (!signal.aborted) events.sweepFailed(error);
    }
    await sleep(clock, sweepIntervalMs, signal).catch(() => undefined);
  }
}

/** Sweeps for as long as the lock is ours; returns at once when another replica has it. */
async function sweepAlone(dependencies: SweeperDependencies, signal: AbortSignal): Promise<void> {
  const lock = await tryAdvisoryLock(dependencies.db, "quota sweep");
  if (lock === undefined) return;
  try {
    await sweepWhileHeld(dependencies, linkSignals(signal, lock.lost));
  } finally {
    await lock.release();
  }
}

async function sweepWhileHeld(
  dependencies: SweeperDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = dependencies;
  let prunedAt = -Infinity;
  while (!signal.aborted) {
    while ((await sweepLeases(dependencies)) && !signal.aborted);
    if (clock.monotonicMs() - prunedAt >= pruneIntervalMs) {
      // What comes faster than it is deleted would grow without end.
      const more = await prune(dependencies);
      if (!more) prunedAt = clock.monotonicMs();
    }
    await sleep(clock, sweepIntervalMs, signal).catch(() => undefined);
  }
}
