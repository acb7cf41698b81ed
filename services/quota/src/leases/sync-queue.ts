import { inTransaction, isLasting, toStorageError } from "@penstock/database";
import { GatewayError, toGatewayError } from "@penstock/errors";
import { newUuidV7 } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { SyncLeasesResponse } from "@penstock/api";

import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { runSyncTransaction } from "./sync-transaction.ts";
import type { SyncOutcome } from "./sync-transaction.ts";
import type { Sync } from "./sync.ts";

/** Calls that may wait; more are refused at once, since their callers give up after 150 ms. */
const maximumWaiting = 1_024;
/**
 * Calls, and wishes with reports, in one transaction: it must stay a matter of milliseconds. With
 * 200 calls at once one large transaction answered all of them in 31 ms, four of 64 in 50 ms.
 */
const maximumCalls = 256;
const maximumEntries = 20_000;

interface WaitingSync {
  readonly sync: Sync;
  readonly resolve: (response: SyncLeasesResponse) => void;
  readonly reject: (error: GatewayError) => void;
}

/** What the queue works with. */
export interface SyncQueueDependencies {
  readonly db: LedgerDatabase;
  readonly clock: Clock;
  readonly configuration: QuotaConfiguration;
  /** Told after each transaction: its length and how many calls were in it. */
  onBatch?(durationMs: number, calls: number): void;
}

/**
 * Runs syncs one transaction at a time; calls that arrive meanwhile share the next one. All of
 * them want the same few rows, so that more transactions would only wait for each other.
 */
export class SyncQueue {
  readonly #dependencies: SyncQueueDependencies;
  readonly #waiting: WaitingSync[] = [];
  #running: Promise<void> | undefined;

  constructor(dependencies: SyncQueueDependencies) {
    this.#dependencies = dependencies;
  }

  /** Runs one sync. Throws GatewayError UNAVAILABLE when the queue is full or the database away. */
  run(sync: Sync): Promise<SyncLeasesResponse> {
    if (this.#waiting.length >= maximumWaiting) {
      const message = "too many lease syncs wait; try again";
      return Promise.reject(new GatewayError("UNAVAILABLE", message, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sync, resolve, reject });
      this.#running ??= this.#runAll();
    });
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #runAll(): Promise<void> {
    // One turn of the event loop, so that calls of the same moment share a transaction.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#runBatch(this.#takeBatch());
    this.#running = undefined;
  }

  #takeBatch(): WaitingSync[] {
    let entries = 0;
    let calls = 0;
    for (const { sync } of this.#waiting) {
      entries += sync.reports.length + sync.wants.length;
      if (calls > 0 && (entries > maximumEntries || calls >= maximumCalls)) break;
      calls += 1;
    }
    return this.#waiting.splice(0, calls);
  }

  async #runBatch(batch: readonly WaitingSync[]): Promise<void> {
    const startedAt = this.#dependencies.clock.monotonicMs();
    try {
      const outcomes = await this.#transact(batch.map(({ sync }) => sync));
      for (const [at, waiting] of batch.entries()) settle(waiting, outcomes[at]);
    } catch (error) {
      // One sync that the database refuses must not take the others with it. When the database is
      // away, to try them one by one would only keep all of them waiting, and those behind them.
      if (batch.length > 1 && isLasting(error)) {
        for (const waiting of batch) await this.#runBatch([waiting]);
      } else for (const waiting of batch) waiting.reject(toGatewayError(toStorageError(error)));
    }
    this.#dependencies.onBatch?.(this.#dependencies.clock.monotonicMs() - startedAt, batch.length);
  }

  #transact(syncs: readonly Sync[]): Promise<SyncOutcome[]> {
    const { db, clock, configuration } = this.#dependencies;
    return inTransaction(db, (trx) =>
      runSyncTransaction(trx, syncs, {
        configuration,
        nowMs: clock.wallMs(),
        newLeaseId: () => newUuidV7(clock),
      }),
    );
  }
}

function settle(waiting: WaitingSync, outcome: SyncOutcome | undefined): void {
  if (outcome === undefined) waiting.reject(new GatewayError("INTERNAL", "the sync got no answer"));
  else if ("response" in outcome) waiting.resolve(outcome.response);
  else waiting.reject(outcome.error);
}
