import { sql } from "kysely";
import type { Kysely } from "kysely";

/** A value that all replicas of a service share. */
export interface SettingRow {
  name: string;
  value: Buffer;
}

/** For a service's migration: its table `settings`. */
export async function createSettingTable<Tables>(
  db: Kysely<Tables>,
  schema: string,
): Promise<void> {
  await sql`create table ${sql.id(schema, "settings")} (
    name text primary key, value bytea not null
  )`.execute(db);
}

/**
 * The value that the first replica wrote under `name`, which is `candidate` when nobody has: how
 * replicas agree on a random key.
 */
export async function agreeOnSetting<Tables>(
  db: Kysely<Tables>,
  schema: string,
  { name, candidate }: { readonly name: string; readonly candidate: Uint8Array },
): Promise<Uint8Array> {
  const table = sql.id(schema, "settings");
  await sql`insert into ${table} (name, value) values (${name}, ${Buffer.from(candidate)})
    on conflict do nothing`.execute(db);
  const { rows } = await sql<SettingRow>`
    select name, value from ${table} where name = ${name}`.execute(db);
  return rows[0]?.value ?? candidate;
}
