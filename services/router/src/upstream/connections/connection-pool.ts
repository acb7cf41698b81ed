import type { Socket } from "node:net";
import type { Clock, Timer } from "@penstock/runtime";
import { AnswerError } from "./answer-error.ts";
import type { CallHandler, CallText } from "./call-handler.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOwner } from "./connection.ts";
import { tellError } from "./handler-mistake.ts";

/** Idle connections are looked at so often; all their times are in ticks of it. */
const tickMs = 1_000;
/** A call that is on its way when the other side gives up the connection is lost: so much before. */
const marginSeconds = 2;

/** Makes one connection: the callback gets an error or a socket that is ready to write to. */
export type Connect = (callback: (error: Error | null, socket?: Socket | null) => void) => void;

/** What a pool needs. */
export interface ConnectionPoolOptions {
  readonly connect: Connect;
  readonly clock: Clock;
  /** The most connections at a time. */
  readonly mostConnections: number;
  /** How long a connection is kept without a call, where the other side wants no less. */
  readonly keepAliveSeconds: number;
}

/** A call that waits for its connection. */
interface Waiting {
  readonly call: CallText;
  readonly handler: CallHandler;
}

/**
 * Connections to one origin. The one that was used last is used next, so that those too many are
 * idle long enough to be closed. No call waits for another: each without a connection makes one.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #options: ConnectionPoolOptions;
  readonly #connections = new Set<Connection>();
  readonly #waiting = new Set<Waiting>();
  readonly #idle: Connection[] = [];
  #tick = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** How many connections there are or are being made. */
  get size(): number {
    return this.#connections.size + this.#waiting.size;
  }

  /** Whether a call would find no connection, and no room for one. */
  get isFull(): boolean {
    return this.#idle.length === 0 && this.size >= this.#options.mostConnections;
  }

  /** Sends a call; what becomes of it is told to the handler, maybe before this returns. */
  dispatch(call: CallText, handler: CallHandler): void {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (connection.isUsable) {
        connection.send(call, handler);
        return;
      }
    }
    if (this.#closed) {
      handler.onError(new AnswerError("CONNECTIONS_CLOSED", "no calls are made any more"));
    } else if (this.isFull) {
      handler.onError(new AnswerError("CONNECTIONS_EXHAUSTED", "there are too many connections"));
    } else this.#connect({ call, handler });
  }

  /** Makes no more connections, and ends each once its call has ended. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const connection of this.#idle.splice(0)) connection.abort();
  }

  /** Breaks every connection; the calls end with an error. */
  destroy(): void {
    this.close();
    const error = new AnswerError("CONNECTIONS_CLOSED", "all calls are broken off");
    for (const { handler } of this.#waiting) tellError(handler, error);
    this.#waiting.clear();
    for (const connection of this.#connections) connection.destroy(error);
  }

  freed(connection: Connection): void {
    if (this.#closed || this.#keptSeconds(connection) <= 0) {
      connection.abort();
      return;
    }
    connection.idleSinceTick = this.#tick;
    this.#idle.push(connection);
    if (this.#timer === undefined) this.#scheduleTick();
  }

  gone(connection: Connection): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  #connect(waiting: Waiting): void {
    this.#waiting.add(waiting);
    try {
      this.#options.connect((error, socket) => this.#connected(waiting, error, socket ?? null));
    } catch (error) {
      // TLS throws at once where it can't use a certificate or a key.
      this.#connected(waiting, error instanceof Error ? error : new Error(String(error)), null);
    }
  }

  #connected(waiting: Waiting, error: Error | null, socket: Socket | null): void {
    const isWanted = this.#waiting.delete(waiting);
    if (socket === null) {
      if (isWanted) tellError(waiting.handler, error ?? new Error("no connection"));
      return;
    }
    const connection = new Connection(socket, this);
    this.#connections.add(connection);
    if (isWanted) connection.send(waiting.call, waiting.handler);
    else connection.abort();
  }

  #scheduleTick(): void {
    this.#timer = this.#options.clock.schedule(tickMs, () => {
      this.#tick += 1;
      this.#timer = undefined;
      for (const connection of this.#idle.filter((one) => this.#isOverdue(one))) connection.abort();
      if (this.#idle.length > 0) this.#scheduleTick();
    });
  }

  /** Between two ticks nobody knows how much of the first has passed: it counts as whole. */
  #isOverdue(connection: Connection): boolean {
    return this.#tick - connection.idleSinceTick >= this.#keptSeconds(connection);
  }

  #keptSeconds({ idleSeconds = Infinity }: Connection): number {
    return Math.min(this.#options.keepAliveSeconds, idleSeconds - marginSeconds);
  }
}
