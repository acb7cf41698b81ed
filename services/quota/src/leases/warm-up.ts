import type { SyncLeasesResponse } from "@penstock/api";
import { inTransaction } from "@penstock/database";
import { newUuidV7 } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";

import type { QuotaDefinition } from "../ledger/quota-rule.ts";
import type { LedgerDatabase, LedgerTransaction } from "../storage/ledger-database.ts";
import { runSyncTransaction } from "./sync-transaction.ts";
import type { Sync, Want } from "./sync.ts";

/** What is warmed, and by which clock. */
export interface WarmUpOptions {
  readonly db: LedgerDatabase;
  readonly clock: Clock;
  /** Of the pool, used at once; one where there is only one. */
  readonly connections: number;
}

// Measured with PostgreSQL on a busy machine: the first takes 0.3 to 1.6 s, the fourth 20 ms.
const rounds = 4;
/** No further round begins after this. */
const patienceMs = 2_000;

/** Ends a transaction that shall leave nothing behind. */
class Undone extends Error {}

/**
 * Lends, takes back and lends again of a limit and a budget that nobody has, in transactions that
 * are undone: so that the first router, which waits 150 ms, doesn't pay for connections that were
 * never opened and code that was never run. Never throws: what could serve is not kept from it.
 * Resolves to how often it lent.
 */
export async function warmUpLeases({ db, clock, connections }: WarmUpOptions): Promise<number> {
  const fromMs = clock.monotonicMs();
  let done = 0;
  const warmOne = async (): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      if (clock.monotonicMs() - fromMs > patienceMs) return;
      await inTransaction(db, (trx) => lendAndUndo(trx, clock)).catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
      done += 1;
    }
  };
  await Promise.allSettled(Array.from({ length: connections }, warmOne));
  return done;
}

async function lendAndUndo(trx: LedgerTransaction, clock: Clock): Promise<never> {
  // Names of its own: rows of the same key would make the transactions wait for each other.
  const id = newUuidV7(clock);
  const quotas = new Map([
    [`limits/warm-up-${id}`, rule(`limits/warm-up-${id}`, "requests", "minute")],
    [`budgets/warm-up-${id}`, rule(`budgets/warm-up-${id}`, "nano_usd", "day")],
  ]);
  const configuration = { current: () => ({ revision: 1n, quotas }) };
  const context = { configuration, nowMs: clock.wallMs(), newLeaseId: () => newUuidV7(clock) };
  const wants = [...quotas.keys()].map(wish);
  const one = { holder: `warm-up.${id}`, epoch: 1n, revision: 1n, retiredEpochs: [], wants };
  const first: Sync = { ...one, sequence: 1n, reports: [] };
  const [lent] = await runSyncTransaction(trx, [first], context);
  const grants = lent !== undefined && "response" in lent ? lent.response.grants : [];
  if (grants.some(({ leaseId }) => leaseId === "")) throw new Error("nothing was lent");
  const second: Sync = { ...one, sequence: 2n, reports: grants.map(closed) };
  await runSyncTransaction(trx, [second], context);
  throw new Undone();
}

function rule(
  name: string,
  unit: QuotaDefinition["unit"],
  period: QuotaDefinition["period"],
): QuotaDefinition {
  const kind = unit === "nano_usd" ? "budget" : "limit";
  return { name, kind, unit, amount: 1_000n, period, timeZone: "UTC", keyFor: () => name };
}

function wish(quota: string): Want {
  return { quota, needed: 1n, wanted: 2n, largestReservation: 1n, demandPerSecond: 1 };
}

function closed({ leaseId }: SyncLeasesResponse["grants"][number]): Sync["reports"][number] {
  return { leaseId, sequence: 2n, spent: 1n, reserved: 0n, closed: true };
}
