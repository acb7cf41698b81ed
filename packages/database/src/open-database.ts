import { resolve, join } from "node:path";
import { mkdirSync } from "node:fs";
import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { ClientConfig } from "pg";
import { columnTypes } from "./column-types.ts";
import { setEngine } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { pglitePort, startPglite } from "./pglite.ts";
import type { PgliteServer } from "./pglite.ts";
import type { PgliteStorage } from "./pglite-protocol.ts";

/** A database server and the pools into it. */
export interface DatabaseServer {
  readonly kind: "pglite" | "postgres";
  /** Aborts with a GatewayError when the embedded database dies; never for PostgreSQL. */
  readonly failed: AbortSignal;
  /** A pool whose queries are qualified with `schema`; raw SQL must name the schema itself. */
  connect<Tables>(schema: string, options?: ConnectOptions): Kysely<Tables>;
  /** Ends every pool, then the embedded database (flushed). */
  close(): Promise<void>;
}

/** Settings of one pool. */
export interface ConnectOptions {
  /** Largest number of connections; PostgreSQL only (default 10). PGlite has one for all pools. */
  readonly maxConnections?: number;
  /** PostgreSQL only; default 2 s (reliability rule 2.1); longer for reports. */
  readonly statementTimeoutMs?: number;
}

/** Where the database is. */
export interface OpenDatabaseOptions {
  /** `postgres://…` or `postgresql://…`; PGlite in `dataDir` when absent. */
  readonly url?: string | undefined;
  /** Parent of the PGlite folder `database`; must be locked by the caller (`lockDataFolder`). */
  readonly dataDir: string;
  readonly logger: Logger;
}

// Reliability rule 2.1. pg has one setting for connecting and for waiting on the pool.
const connectTimeoutMs = 3_000;
const lockTimeoutMs = 500;
const idleInTransactionTimeoutMs = 5_000;
const defaultStatementTimeoutMs = 2_000;
// One connection, one transaction at a time: here waiting is normal, not overload.
const pgliteWaitMs = 10_000;

/**
 * Opens the database server. With a URL nothing is contacted yet: a service starts without its
 * database and becomes ready when it is there.
 *
 * @throws GatewayError FIELD_INVALID for a URL that is not PostgreSQL's, UNAVAILABLE when PGlite
 * cannot open its folder.
 */
export async function openDatabaseServer(options: OpenDatabaseOptions): Promise<DatabaseServer> {
  const { url, logger } = options;
  if (url !== undefined) return openPostgres(url, logger);
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const storage = { kind: "folder", path: join(dataDir, "database") } as const;
  return await openPglite(storage, join(dataDir, "run"), logger);
}

/** Opens PGlite on any storage; tests use it with a copy of a template. */
export async function openPglite(
  storage: PgliteStorage,
  runFolder: string | undefined,
  logger: Logger,
): Promise<DatabaseServer> {
  const server = await startPglite(storage, runFolder, logger);
  const target = {
    host: server.socketFolder,
    port: pglitePort,
    user: "postgres",
    password: "",
    database: "postgres",
    ssl: false,
    connectionTimeoutMillis: pgliteWaitMs,
  };
  return makeServer("pglite", target, logger, server);
}

function openPostgres(url: string, logger: Logger): DatabaseServer {
  const isPostgres = URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol);
  if (!isPostgres) {
    const description = "must be a URL that begins with postgres:// or postgresql://";
    throw new GatewayError("FIELD_INVALID", `PENSTOCK_DATABASE_URL ${description}`, {
      source: "gateway",
      fieldViolations: [{ field: "PENSTOCK_DATABASE_URL", description }],
    });
  }
  const target = { connectionString: url, connectionTimeoutMillis: connectTimeoutMs };
  return makeServer("postgres", target, logger);
}

function makeServer(
  kind: "pglite" | "postgres",
  target: ClientConfig,
  logger: Logger,
  embedded?: PgliteServer,
): DatabaseServer {
  const failed = embedded?.failed ?? new AbortController().signal;
  const base: ClientConfig = { ...target, types: columnTypes, keepAlive: true };
  const engine: Engine = {
    kind,
    heldLocks: new Set(),
    openSession: async () => {
      const client = new pg.Client(base);
      await client.connect();
      return client;
    },
  };
  const pools: Kysely<never>[] = [];
  // PGlite is one session whatever connects to it, and the messages of two connections mix in it:
  // one's unnamed statement would be gone when it is to be run. So there is one connection.
  const shared = kind === "pglite" ? makePool(kind, base, {}, logger) : undefined;
  const connect = <Tables>(schema: string, options: ConnectOptions = {}): Kysely<Tables> => {
    const pool = shared ?? makePool(kind, base, options, logger);
    const end = shared === undefined ? () => pool.end() : () => Promise.resolve();
    const dialect = new PostgresDialect({ pool: { ...refuseWhenFailed(pool, failed), end } });
    const db = new Kysely<Tables>({ dialect });
    pools.push(db as unknown as Kysely<never>);
    const qualified = db.withSchema(schema);
    setEngine(qualified as unknown as Kysely<never>, engine);
    return qualified;
  };
  const close = async (): Promise<void> => {
    await Promise.all(pools.map((db) => db.destroy()));
    await shared?.end();
    await embedded?.close();
  };
  let closing: Promise<void> | undefined;
  return { kind, failed, connect, close: () => (closing ??= close()) };
}

function makePool(
  kind: "pglite" | "postgres",
  base: ClientConfig,
  options: ConnectOptions,
  logger: Logger,
): pg.Pool {
  const pool = new pg.Pool({
    ...base,
    application_name: "penstock",
    max: kind === "pglite" ? 1 : (options.maxConnections ?? 10),
    idleTimeoutMillis: 30_000,
    // The queries of all services wait for each other in PGlite.
    statement_timeout:
      kind === "pglite" ? pgliteWaitMs : (options.statementTimeoutMs ?? defaultStatementTimeoutMs),
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
  });
  // An idle connection that breaks is replaced by the pool; unheard, the event ends the process.
  pool.on("error", (cause) => logger.warn("idle database connection lost", { cause }));
  return pool;
}

/** After the embedded database died, "no such socket" would only mislead: say what happened. */
function refuseWhenFailed(pool: pg.Pool, failed: AbortSignal) {
  const connect = async (): Promise<pg.PoolClient> => {
    failed.throwIfAborted();
    return await pool.connect();
  };
  return { connect, options: pool.options };
}
