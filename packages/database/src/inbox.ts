import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";

/** For a service's migration: its table `inbox`. */
export async function createInboxTable<Tables>(db: Kysely<Tables>, schema: string): Promise<void> {
  await sql`create table ${sql.id(schema, "inbox")} (
    id text primary key,
    claimed_at timestamptz not null default now()
  )`.execute(db);
  await sql`create index inbox_claimed_at on ${sql.id(schema, "inbox")} (claimed_at)`.execute(db);
}

/**
 * Remembers consumed ids in the transaction that applies them; gives those not seen before, so
 * that a redelivered message changes nothing.
 */
export async function claimInbox<Tables>(
  trx: Transaction<Tables>,
  schema: string,
  ids: readonly string[],
): Promise<Set<string>> {
  // One order for all transactions: two that claim the same ids wait instead of deadlocking.
  const sorted = [...new Set(ids)].toSorted();
  if (sorted.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    insert into ${sql.id(schema, "inbox")} (id) select unnest(${sorted}::text[])
    on conflict (id) do nothing returning id`.execute(trx);
  return new Set(rows.map((row) => row.id));
}

/**
 * Forgets at most `limit` ids claimed more than `olderThanMs` ago; gives how many. An id may be
 * forgotten once no bus can redeliver it (longer than the stream keeps messages).
 */
export async function pruneInbox<Tables>(
  db: Kysely<Tables>,
  schema: string,
  options: { readonly olderThanMs: number; readonly limit: number },
): Promise<number> {
  const table = sql.id(schema, "inbox");
  const result = await sql`delete from ${table} where id in (
    select id from ${table}
    where claimed_at < now() - ${options.olderThanMs}::float8 * interval '1 millisecond'
    order by claimed_at limit ${options.limit})`.execute(db);
  return Number(result.numAffectedRows ?? 0n);
}
