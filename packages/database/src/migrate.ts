import { GatewayError } from "@penstock/errors";
import { sleep, systemClock } from "@penstock/runtime";
import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";
import type { Migration } from "kysely/migration";
import { engineOf } from "./engine.ts";
import { lockKey } from "./lock-key.ts";
import { schemaState, versionTable } from "./schema-state.ts";
import type { SchemaState } from "./schema-state.ts";
import { sqlStateOf } from "./sql-state.ts";

/** The migrations of one service. */
export interface MigrateOptions {
  /** The service's own schema; created when missing. */
  readonly schema: string;
  /** By name; they run in alphabetical order, so begin names with a number of fixed length. */
  readonly migrations: Readonly<Record<string, Pick<Migration, "up">>>;
}

const oldestServerVersion = 150_000;
/** How long to wait for another replica that is migrating the same schema, or for a table in use. */
const waitForOthersMs = 60_000;
/**
 * How long a migration stands in the queue for a table at a time: whatever comes after it waits as
 * well, and requests wait at most 500 ms for a lock.
 */
const tableLockMs = 400;
/** Then it lets the others go first. */
const tablePauseMs = 1_000;
/** Building an index of a large table may take minutes. */
const longestMigrationMs = 600_000;
const lockNotAvailable = "55P03";

/**
 * Brings a service's schema to the state of this build: each migration in a transaction of its
 * own, and one replica at a time (the others wait and find nothing left to do). A migration that
 * fails leaves nothing behind, and those before it stay: to try again goes on where it stopped.
 * Gives the names of those that this call ran.
 *
 * @throws GatewayError FAILED_PRECONDITION when the server is older than PostgreSQL 15, or the
 * schema holds migrations this build does not know: an older build must not write newer tables;
 * UNAVAILABLE when another replica has been migrating, or a table has been in use, for a minute;
 * INTERNAL when one fails.
 */
export async function migrate<Tables>(
  db: Kysely<Tables>,
  options: MigrateOptions,
): Promise<string[]> {
  // A pool for requests would give up on a statement that takes minutes.
  const settings = { maxConnections: 1, statementTimeoutMs: longestMigrationMs };
  const patient = engineOf(db).connect(settings);
  try {
    const applied: string[] = [];
    for (;;) {
      const name = await untilTablesAreFree(() =>
        patient.transaction().execute((trx) => migrateOnce(trx, options)),
      );
      if (name === undefined) return applied;
      applied.push(name);
    }
  } finally {
    await patient.destroy();
  }
}

/** Runs it again, with pauses, as long as a lock of a table is in its way. */
async function untilTablesAreFree<Result>(run: () => Promise<Result>): Promise<Result> {
  const giveUpMs = systemClock.monotonicMs() + waitForOthersMs;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof TableInUse)) throw error;
      if (systemClock.monotonicMs() >= giveUpMs) throw error.told;
    }
    // Replicas that start together do not try in step.
    await sleep(systemClock, tablePauseMs * (0.5 + Math.random()));
  }
}

/** A migration did not get the lock of a table in time. */
class TableInUse extends Error {
  /** What is told when it never gets it. */
  readonly told: GatewayError;

  constructor(migration: string, schema: string, cause: unknown) {
    super("a table is in use", { cause });
    const message = `migration ${migration} of ${schema} waits for a table that is in use`;
    this.told = new GatewayError("UNAVAILABLE", message, { source: "gateway", cause });
  }
}

/** Runs the first migration that is missing and gives its name; undefined when none is. */
async function migrateOnce<Tables>(
  trx: Transaction<Tables>,
  options: MigrateOptions,
): Promise<string | undefined> {
  const { schema, migrations } = options;
  await lockSchema(trx, schema);
  await refuseOldServer(trx);
  const state = await schemaState(trx, options);
  refuseOtherHistory(schema, state);
  const [name] = state.missing;
  const migration = name === undefined ? undefined : migrations[name];
  if (name === undefined || migration === undefined) return undefined;
  await sql`create schema if not exists ${sql.id(schema)}`.execute(trx);
  await sql`create table if not exists ${sql.id(schema, versionTable)} (
    name varchar(255) primary key, timestamp varchar(255) not null)`.execute(trx);
  await setLocal(trx, "lock_timeout", tableLockMs);
  try {
    await migration.up(trx);
  } catch (cause) {
    if (sqlStateOf(cause) === lockNotAvailable) throw new TableInUse(name, schema, cause);
    const message = `migration ${name} of ${schema} failed`;
    throw new GatewayError("INTERNAL", message, { source: "gateway", cause });
  }
  await sql`insert into ${sql.id(schema, versionTable)} (name, timestamp)
    values (${name}, now()::text)`.execute(trx);
  return name;
}

/** The pool's own limits are meant for requests. */
async function lockSchema<Tables>(trx: Transaction<Tables>, schema: string): Promise<void> {
  await setLocal(trx, "lock_timeout", waitForOthersMs);
  await setLocal(trx, "statement_timeout", longestMigrationMs);
  await setLocal(trx, "idle_in_transaction_session_timeout", longestMigrationMs);
  try {
    await sql`select pg_advisory_xact_lock(${lockKey(`migrate ${schema}`)})`.execute(trx);
  } catch (cause) {
    if (sqlStateOf(cause) !== lockNotAvailable) throw cause;
    const message = `another process has been migrating schema ${schema} for too long`;
    throw new GatewayError("UNAVAILABLE", message, { source: "gateway", cause });
  }
}

async function setLocal<Tables>(
  trx: Transaction<Tables>,
  name: string,
  durationMs: number,
): Promise<void> {
  await sql`select set_config(${name}, ${String(durationMs)}, true)`.execute(trx);
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

function refuseOtherHistory(schema: string, { applied, missing, unknown }: SchemaState): void {
  if (unknown.length > 0) {
    const message =
      `schema ${schema} was changed by a newer build (${unknown.join(", ")}); ` +
      "start that build, or restore the database from before it";
    throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
  }
  const [first = "", last = ""] = [missing[0], applied.at(-1)];
  if (missing.length === 0 || applied.length === 0 || first > last) return;
  const message = `migration ${first} of ${schema} should have run before ${last}, which has`;
  throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}
