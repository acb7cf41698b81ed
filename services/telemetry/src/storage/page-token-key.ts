import { sql } from "kysely";
import type { Kysely } from "kysely";

import type { TelemetryTables } from "./schema.ts";

/** The key under which page tokens are made: `candidate`, or what a replica before has written. */
export async function pageTokenKey(
  db: Kysely<TelemetryTables>,
  candidate: Uint8Array,
): Promise<Uint8Array> {
  await sql`insert into telemetry.settings (name, value)
    values ('page_token_key', ${Buffer.from(candidate)}) on conflict do nothing`.execute(db);
  const { rows } = await sql<{ value: Buffer }>`
    select value from telemetry.settings where name = 'page_token_key'`.execute(db);
  return rows[0]?.value ?? candidate;
}
