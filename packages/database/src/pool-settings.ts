import type { Logger } from "@penstock/observability";
import type { ClientConfig } from "pg";
import { ConnectionPool } from "./connection-pool.ts";

/** Settings of one pool; PostgreSQL only, because PGlite has one connection for all pools. */
export interface ConnectOptions {
  /** Largest number of connections; default 10. */
  readonly maxConnections?: number;
  /** Default 2 s (reliability rule 2.1); longer for reports. */
  readonly statementTimeoutMs?: number;
  /** How long to wait while all connections are in use; default 2 s. */
  readonly waitTimeoutMs?: number;
  /** How many may wait so; more are refused at once. Default 256. */
  readonly maxWaiting?: number;
}

// Reliability rule 2.1.
const lockTimeoutMs = 500;
const idleInTransactionTimeoutMs = 5_000;
const defaultStatementTimeoutMs = 2_000;
const defaultWaitTimeoutMs = 2_000;
const defaultMaxWaiting = 256;
const defaultMaxConnections = 10;
/** The way there and back of an answer that the server gives at the very end of its own limit. */
const answerGraceMs = 1_000;
const idleTimeoutMs = 30_000;
// One connection, one transaction at a time: here waiting is normal, not overload.
const pgliteWaitMs = 10_000;
const pgliteMaxWaiting = 10_000;
/** Only a thread that hangs is to be noticed; building an index may take minutes. */
const pgliteAnswerMs = 600_000;

/** What a pool needs besides its settings. */
export interface PoolParts {
  readonly failed: AbortSignal;
  readonly logger: Logger;
}

/** A pool of a service in PostgreSQL. */
export function makePool(target: ClientConfig, parts: PoolParts & ConnectOptions): ConnectionPool {
  const statementTimeoutMs = parts.statementTimeoutMs ?? defaultStatementTimeoutMs;
  const settings = {
    ...target,
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
  };
  return new ConnectionPool(settings, {
    permits: {
      count: parts.maxConnections ?? defaultMaxConnections,
      maxWaiting: parts.maxWaiting ?? defaultMaxWaiting,
      waitTimeoutMs: parts.waitTimeoutMs ?? defaultWaitTimeoutMs,
    },
    answerTimeoutMs: statementTimeoutMs + answerGraceMs,
    idleTimeoutMs,
    ...parts,
  });
}

/** The one pool of all services in PGlite, in which their queries wait for each other. */
export function makePglitePool(target: ClientConfig, parts: PoolParts): ConnectionPool {
  const settings = {
    ...target,
    application_name: "penstock",
    statement_timeout: pgliteWaitMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
  };
  return new ConnectionPool(settings, {
    permits: { count: 1, maxWaiting: pgliteMaxWaiting, waitTimeoutMs: pgliteWaitMs },
    answerTimeoutMs: pgliteAnswerMs,
    idleTimeoutMs,
    ...parts,
  });
}
