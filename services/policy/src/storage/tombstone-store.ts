import { sql } from "kysely";
import type { PolicyTransaction } from "./open-storage.ts";

// One transaction stays short; the next sweep takes the rest.
const maxSwept = 1_000;

/** Forgets the tombstones of resources that exist again. */
export async function forgetTombstones(
  trx: PolicyTransaction,
  names: readonly string[],
): Promise<void> {
  for (let start = 0; start < names.length; start += maxSwept) {
    const part = names.slice(start, start + maxSwept);
    await trx.deleteFrom("tombstone").where("name", "in", part).execute();
  }
}

/** Notes deletions of now of which the database knows nothing, so that they are swept, too. */
export async function addTombstones(
  trx: PolicyTransaction,
  names: readonly string[],
  revision: bigint,
): Promise<void> {
  for (let start = 0; start < names.length; start += maxSwept) {
    const part = names.slice(start, start + maxSwept);
    await trx
      .insertInto("tombstone")
      .values(part.map((name) => ({ name, revision, delete_time: sql<Date>`now()` })))
      .onConflict((conflict) => conflict.column("name").doNothing())
      .execute();
  }
}

/** Removes tombstones older than `beforeMs` and gives their names. */
export async function takeOldTombstones(
  trx: PolicyTransaction,
  beforeMs: number,
): Promise<string[]> {
  const old = await trx
    .selectFrom("tombstone")
    .select("name")
    .where("delete_time", "<", new Date(beforeMs))
    .orderBy("delete_time")
    .limit(maxSwept)
    .execute();
  const names = old.map(({ name }) => name);
  await forgetTombstones(trx, names);
  return names;
}
