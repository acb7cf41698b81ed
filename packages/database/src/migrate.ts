import { GatewayError } from "@penstock/errors";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { Migration } from "kysely/migration";
import { lockKey } from "./lock-key.ts";

/** The migrations of one service. */
export interface MigrateOptions {
  /** The service's own schema; created when missing. */
  readonly schema: string;
  /** By name; they run in alphabetical order, so begin names with a number of fixed length. */
  readonly migrations: Readonly<Record<string, Migration>>;
}

const migrationTable = "kysely_migration";
const oldestServerVersion = 150_000;

/**
 * Brings a service's schema to the state of this build, in one transaction: all or nothing, and
 * one replica at a time (the others wait up to a minute and find nothing left to do).
 *
 * @throws GatewayError FAILED_PRECONDITION when the server is older than PostgreSQL 15, or the
 * schema holds migrations this build does not know: an older build must not write newer tables.
 */
export async function migrate<Tables>(db: Kysely<Tables>, options: MigrateOptions): Promise<void> {
  const { schema, migrations } = options;
  await db.transaction().execute(async (trx) => {
    // The pool's own limits are meant for requests; building an index may take minutes.
    await sql`set local lock_timeout = '60s'`.execute(trx);
    await sql`set local statement_timeout = '10min'`.execute(trx);
    await sql`set local idle_in_transaction_session_timeout = '10min'`.execute(trx);
    await sql`select pg_advisory_xact_lock(${lockKey(`migrate ${schema}`)})`.execute(trx);
    await refuseOldServer(trx);
    await sql`create schema if not exists ${sql.id(schema)}`.execute(trx);
    await refuseUnknownMigrations(trx, schema, migrations);
    const migrator = new Migrator({
      db: trx,
      provider: { getMigrations: () => Promise.resolve(withSavepoints(migrations)) },
      migrationTableSchema: schema,
      migrationTableName: migrationTable,
    });
    const { error, results } = await migrator.migrateToLatest();
    if (error === undefined) return;
    const failed = results?.find((result) => result.status === "Error")?.migrationName;
    const what = failed === undefined ? `schema ${schema}` : `migration ${failed} of ${schema}`;
    throw new GatewayError("INTERNAL", `${what} failed`, { source: "gateway", cause: error });
  });
}

/**
 * A failed statement makes PostgreSQL refuse every later one of its transaction, also the one by
 * which the migrator gives back its session-wide lock; the pool's connection would keep it.
 */
function withSavepoints(
  migrations: Readonly<Record<string, Migration>>,
): Record<string, Migration> {
  const guarded = Object.entries(migrations).map(([name, migration]): [string, Migration] => {
    const up: Migration["up"] = async (trx) => {
      await sql`savepoint migration`.execute(trx);
      try {
        await migration.up(trx);
      } catch (error) {
        await sql`rollback to savepoint migration`.execute(trx);
        throw error;
      }
    };
    return [name, { up }];
  });
  return Object.fromEntries(guarded);
}

async function refuseOldServer<Tables>(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ version: number }>`
    select current_setting('server_version_num')::int as version`.execute(db);
  const version = rows[0]?.version ?? 0;
  if (version >= oldestServerVersion) return;
  const major = Math.floor(version / 10_000);
  const message = `PostgreSQL 15 or newer is needed, this server is ${major}`;
  throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}

async function refuseUnknownMigrations<Tables>(
  db: Kysely<Tables>,
  schema: string,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  const { rows: tables } = await sql<{ found: boolean }>`
    select to_regclass(${`"${schema}"."${migrationTable}"`}) is not null as found`.execute(db);
  if (tables[0]?.found !== true) return;
  const { rows } = await sql<{ name: string }>`
    select name from ${sql.id(schema, migrationTable)} order by name`.execute(db);
  const unknown = rows.map((row) => row.name).filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length === 0) return;
  const message =
    `schema ${schema} was changed by a newer build (${unknown.join(", ")}); ` +
    "start that build, or restore the database from before it";
  throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}
