import { noteSequences } from "@penstock/database";
import type { ConsumedSequence } from "@penstock/database";

import { rollUpHours } from "../rollups/roll-up-hour.ts";
import { insertRecords } from "../storage/record-store.ts";
import type { RatedUsage } from "../storage/record-store.ts";
import { addRollups } from "../storage/rollup-store.ts";
import type { RecordsTransaction } from "../storage/records-database.ts";
import { schemaName } from "../storage/schema.ts";

/** What storing a batch did. */
export interface StoredBatch {
  /** Ids of requests that were not stored before. */
  readonly inserted: ReadonlySet<string>;
  /** Ids whose number another request of the replica has. */
  readonly renumbered: readonly string[];
  readonly sequences: readonly ConsumedSequence[];
}

/** Stores events, their sums and their numbers in one transaction; what is stored already stays. */
export async function storeUsage(
  trx: RecordsTransaction,
  batch: readonly RatedUsage[],
  nowMs: number,
): Promise<StoredBatch> {
  const once = [...new Map(batch.map((usage) => [usage.facts.requestId, usage])).values()];
  const { inserted, renumbered } = await insertRecords(trx, once, nowMs);
  const fresh = once.filter(({ facts }) => inserted.has(facts.requestId));
  await addRollups(trx, rollUpHours(fresh.map(({ facts }) => facts)));
  const positions = batch.map(({ facts }) => facts);
  const sequences = await noteSequences(trx, schemaName, positions, nowMs);
  return { inserted, renumbered, sequences };
}
