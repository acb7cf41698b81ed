import { systemClock, sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { Kysely, Transaction } from "kysely";
import { sqlStateOf } from "./sql-state.ts";

/** How a transaction is run. */
export interface TransactionOptions {
  /** Default: the server's, which is "read committed". */
  readonly isolation?: "read committed" | "repeatable read" | "serializable";
  /** How often in all; default 4, which is three more tries (reliability row 17). */
  readonly attempts?: number;
  /** Checked before each attempt and while waiting for the next; never mid-transaction. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

// serialization_failure and deadlock_detected: PostgreSQL's own advice is to run it again.
const retriedStates = new Set(["40001", "40P01"]);
const firstDelayMs = 10;
const longestDelayMs = 250;

/**
 * Runs `run` in a transaction; what it throws rolls back. Serialization failures and deadlocks
 * are retried with jitter, so `run` must have no effect outside `trx`. Inside, use only `trx`:
 * with the embedded database another query would wait for this transaction for ever.
 */
export async function inTransaction<Tables, Result>(
  db: Kysely<Tables>,
  run: (trx: Transaction<Tables>) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  const attempts = options.attempts ?? 4;
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    try {
      const builder = db.transaction();
      const isolated =
        options.isolation === undefined ? builder : builder.setIsolationLevel(options.isolation);
      return await isolated.execute(run);
    } catch (error) {
      if (attempt >= attempts || !retriedStates.has(sqlStateOf(error) ?? "")) throw error;
    }
    const ceilingMs = Math.min(firstDelayMs * 2 ** attempt, longestDelayMs);
    const delayMs = Math.random() * ceilingMs;
    await sleep(options.clock ?? systemClock, delayMs, options.signal);
  }
}
