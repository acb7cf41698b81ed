import { resolve, join } from "node:path";
import { mkdirSync } from "node:fs";
import type { Logger } from "@penstock/observability";
import { Kysely, PostgresDialect } from "kysely";
import type { PostgresPool } from "kysely";
import pg from "pg";
import type { ClientConfig } from "pg";
import { columnTypes } from "./column-types.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import { connectionTarget } from "./connection-target.ts";
import { setEngine } from "./engine.ts";
import type { Engine } from "./engine.ts";
import { withCheckpoints } from "./pglite-checkpoints.ts";
import { pglitePort, startPglite } from "./pglite.ts";
import type { PgliteServer } from "./pglite.ts";
import { makePglitePool, makePool } from "./pool-settings.ts";
import type { ConnectOptions } from "./pool-settings.ts";
import { toStorageError } from "./storage-error.ts";

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

/** Where the database is. */
export interface OpenDatabaseOptions {
  /** `postgres://…` or `postgresql://…`; PGlite in `dataDir` when absent. */
  readonly url?: string | undefined;
  /** Parent of the PGlite folder `database`; must be locked by the caller (`lockDataFolder`). */
  readonly dataDir: string;
  readonly logger: Logger;
}

// Reliability rule 2.1.
const connectTimeoutMs = 3_000;
/** A silent connection is probed after this long; the system's own default is two hours. */
const keepAliveDelayMs = 10_000;
/** One connection for all: here waiting is normal, not overload. */
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
  const embedded = await startPglite(storage, join(dataDir, "run"), logger);
  return withCheckpoints(overPglite(embedded, logger), storage.path, logger);
}

/** Pools into a PGlite that runs, which is closed with them. */
export function overPglite(server: PgliteServer, logger: Logger): DatabaseServer {
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
  const target = { ...connectionTarget(url), connectionTimeoutMillis: connectTimeoutMs };
  return makeServer("postgres", target, logger);
}

function makeServer(
  kind: "pglite" | "postgres",
  target: ClientConfig,
  logger: Logger,
  embedded?: PgliteServer,
): DatabaseServer {
  const failed = embedded?.failed ?? new AbortController().signal;
  const base: ClientConfig = {
    ...target,
    types: columnTypes,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveDelayMs,
  };
  const heldLocks = new Set<string>();
  const pools: Kysely<never>[] = [];
  // PGlite is one session whatever connects to it, and the messages of two connections mix in it:
  // one's unnamed statement would be gone when it is to be run. So there is one connection.
  const shared = kind === "pglite" ? makePglitePool(base, { failed, logger }) : undefined;
  const connect = <Tables>(schema: string, options: ConnectOptions = {}): Kysely<Tables> => {
    const named = { ...base, application_name: `penstock-${schema}` };
    const pool = shared ?? makePool(named, { ...options, failed, logger });
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: ofOne(pool, shared) }) });
    pools.push(db as unknown as Kysely<never>);
    const qualified = db.withSchema(schema);
    const engine: Engine = {
      kind,
      heldLocks,
      openSession: () => openSession({ ...base, application_name: `penstock-${schema}-lock` }),
      connect: (other) => connect(schema, other) as Kysely<never>,
    };
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

/** The shared pool outlives each of those who use it. */
function ofOne(pool: ConnectionPool, shared: ConnectionPool | undefined): PostgresPool {
  const end = shared === undefined ? () => pool.end() : () => Promise.resolve();
  return { connect: () => pool.connect(), options: pool.options, end };
}

async function openSession(target: ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(target);
  try {
    await client.connect();
  } catch (error) {
    throw toStorageError(error);
  }
  return client;
}
