import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { DatabaseServer } from "./open-database.ts";

/** What a test can do with schemas of which it has kept one moment. */
export interface KeptSchemas {
  /** Keeps what is in the tables now, in place of what was kept before. */
  keep(): Promise<void>;
  /** Puts back what was kept, as restoring a backup does. */
  restore(): Promise<void>;
  /** How many rows a table has. */
  count(schema: string, table: string): Promise<bigint>;
}

const keptSchema = "kept";

/** For tests of what follows when a database is restored, or loses its last commits. */
export function keepSchemas(server: DatabaseServer, schemas: readonly string[]): KeptSchemas {
  const db = server.connect(keptSchema);
  return {
    keep: async () => {
      await sql`drop schema if exists ${sql.id(keptSchema)} cascade`.execute(db);
      await sql`create schema ${sql.id(keptSchema)}`.execute(db);
      await db.transaction().execute(async (trx) => {
        for (const { table, copy } of await tablesOf(trx, schemas)) {
          await sql`create table ${copy} as table ${table}`.execute(trx);
        }
      });
    },
    restore: async () => {
      await db.transaction().execute(async (trx) => {
        // No foreign key is looked at while the tables are filled, in whatever order.
        await sql`set local session_replication_role = replica`.execute(trx);
        const tables = await tablesOf(trx, schemas);
        for (const { table } of tables) await sql`truncate ${table} cascade`.execute(trx);
        for (const { table, copy } of tables) {
          await sql`insert into ${table} table ${copy}`.execute(trx);
        }
      });
    },
    count: async (schema, table) => {
      const { rows } = await sql<{ n: bigint }>`
        select count(*) as n from ${sql.id(schema, table)}`.execute(db);
      return rows[0]?.n ?? 0n;
    },
  };
}

/** Their tables with rows of their own, without those that are only made of partitions. */
async function tablesOf(db: Kysely<unknown>, schemas: readonly string[]) {
  const { rows } = await sql<{ schema: string; name: string }>`
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname = any(${schemas}::text[])`.execute(db);
  return rows.map(({ schema, name }) => ({
    table: sql.id(schema, name),
    copy: sql.id(keptSchema, `${schema} ${name}`),
  }));
}
