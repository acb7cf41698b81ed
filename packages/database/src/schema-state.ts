import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { MigrateOptions } from "./migrate.ts";

/** Table in each schema with one row for each migration that was applied. */
export const versionTable = "kysely_migration";

/** How a schema compares with what a build knows. */
export interface SchemaState {
  /** "ahead": a newer build changed it; "behind": migrations of this build are missing. */
  readonly state: "current" | "behind" | "ahead";
  /** Names of the migrations of this build that were applied, in order. */
  readonly applied: string[];
  /** Names of the migrations of this build that were not applied, in order. */
  readonly missing: string[];
  /** Names of applied migrations that this build does not know, in order. */
  readonly unknown: string[];
}

/**
 * Compares a schema with the migrations of this build, without changing anything. A schema that
 * does not exist is behind. Throws the database's error when it can't be read.
 */
export async function schemaState<Tables>(
  db: Kysely<Tables>,
  { schema, migrations }: MigrateOptions,
): Promise<SchemaState> {
  const known = Object.keys(migrations).toSorted();
  const stored = new Set(await readVersions(db, schema));
  const applied = known.filter((name) => stored.has(name));
  const missing = known.filter((name) => !stored.has(name));
  const unknown = [...stored].filter((name) => !Object.hasOwn(migrations, name)).toSorted();
  const behind = missing.length > 0 ? "behind" : "current";
  return { state: unknown.length > 0 ? "ahead" : behind, applied, missing, unknown };
}

async function readVersions<Tables>(db: Kysely<Tables>, schema: string): Promise<string[]> {
  const { rows: tables } = await sql<{ found: boolean }>`
    select exists (select 1 from pg_catalog.pg_tables
      where schemaname = ${schema} and tablename = ${versionTable}) as found`.execute(db);
  if (tables[0]?.found !== true) return [];
  const { rows } = await sql<{ name: string }>`
    select name from ${sql.id(schema, versionTable)}`.execute(db);
  return rows.map((row) => row.name);
}
