import { Socket } from "node:net";
import type { Logger } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import type { PostgresPool, PostgresPoolClient } from "kysely";
import pg from "pg";
import type { ClientConfig } from "pg";
import { Permits } from "./permits.ts";
import type { PermitLimits } from "./permits.ts";
import { toConnectionError, toStorageError } from "./storage-error.ts";

/** Bounds of a pool of connections. */
export interface ConnectionPoolOptions {
  /** Connections at once, and who may wait for one. */
  readonly permits: PermitLimits;
  /** How long a query may go without its answer; longer than the server's own limit. */
  readonly answerTimeoutMs: number;
  /** A connection that nobody needed for so long is closed. */
  readonly idleTimeoutMs: number;
  /** Ends every wait for a connection with its reason. */
  readonly failed: AbortSignal;
  readonly logger: Logger;
}

/** How long connections may take to say good-bye before they are cut. */
const goodByeMs = 2_000;

/**
 * What kysely needs of a pool, bounded on this side too: a server that fell silent, or a network
 * that swallows everything, gives errors after a known time and not a growing queue.
 */
export class ConnectionPool implements PostgresPool {
  readonly options: object;
  readonly #pool: pg.Pool;
  readonly #permits: Permits;
  readonly #bounds: ConnectionPoolOptions;
  readonly #sockets = new Set<Socket>();
  /** Grows when a server fell silent: the connections of before are not trusted any more. */
  #generation = 0;
  readonly #generations = new WeakMap<pg.ClientBase, number>();

  constructor(target: ClientConfig, bounds: ConnectionPoolOptions) {
    const { permits, idleTimeoutMs, logger } = bounds;
    this.#bounds = bounds;
    this.#permits = new Permits(permits, systemClock);
    this.#pool = new pg.Pool({
      ...target,
      max: permits.count,
      idleTimeoutMillis: idleTimeoutMs,
      stream: () => this.#makeSocket(),
    });
    this.options = {};
    this.#pool.on("connect", (client) => this.#generations.set(client, this.#generation));
    // An idle connection that breaks is replaced by the pool; unheard, the event ends the process.
    this.#pool.on("error", (cause) => logger.warn("idle database connection lost", { cause }));
  }

  /** A connection of its own. Throws GatewayError UNAVAILABLE when there is none in time. */
  async connect(): Promise<PostgresPoolClient> {
    this.#bounds.failed.throwIfAborted();
    await this.#permits.take();
    try {
      const client = await this.#trusted();
      return this.#lend(client);
    } catch (error) {
      this.#permits.give();
      throw toStorageError(error);
    }
  }

  /** Closes every connection; cuts those that do not answer. */
  async end(): Promise<void> {
    const cut = systemClock.schedule(goodByeMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await this.#pool.end();
    cut.cancel();
  }

  async #trusted(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#pool.connect();
      if (this.#generations.get(client) === this.#generation) return client;
      client.release(true);
    }
  }

  #lend(client: pg.PoolClient): PostgresPoolClient {
    // A connection that breaks between two queries says so by the next one; unheard, the event
    // ends the process.
    const ignore = (): void => {};
    client.on("error", ignore);
    const query = (text: string, values: readonly unknown[]): Promise<unknown> =>
      this.#query(client, text, values);
    const release = (destroy?: boolean): void => {
      client.off("error", ignore);
      client.release(destroy);
      this.#permits.give();
    };
    // The other form of `query` is for cursors, which nobody configures.
    return { query: query as unknown as PostgresPoolClient["query"], release };
  }

  async #query(client: pg.PoolClient, text: string, values: readonly unknown[]): Promise<unknown> {
    const { answerTimeoutMs } = this.#bounds;
    let silent = false;
    const timer = systemClock.schedule(answerTimeoutMs, () => {
      silent = true;
      this.#generation += 1;
      // With a query under way this cuts the connection, by which the query fails.
      void client.end();
    });
    try {
      return await client.query(text, [...values]);
    } catch (error) {
      throw toConnectionError(silent ? noAnswer(answerTimeoutMs, error) : error);
    } finally {
      timer.cancel();
    }
  }

  #makeSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

function noAnswer(answerTimeoutMs: number, cause: unknown): Error {
  return new Error(`the database gave no answer within ${answerTimeoutMs} ms`, { cause });
}
