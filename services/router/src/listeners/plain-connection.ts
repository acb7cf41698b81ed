import type { Socket } from "node:net";
import type { BodyBudget } from "./body-budget.ts";
import { longestPlainRequest, readPlainRequest } from "./plain-request.ts";
import type { PlainRequest } from "./plain-request.ts";
import { PlainResponse } from "./plain-response.ts";
import type { AnswerConnection } from "./plain-response.ts";
import { refuseConnection } from "./refuse-connection.ts";

/** What a connection of plain requests needs around it. */
export interface PlainDoor {
  /** For the bytes that have come and can't be looked at yet. */
  readonly budget: BodyBudget;
  /** Whether each connection ends with the answer that it is waiting for. */
  readonly closing: boolean;
  /** Whether the key of a request lets its caller in. */
  letsIn(request: PlainRequest): boolean;
  serve(request: PlainRequest, body: Buffer, response: PlainResponse): void;
  /** Gives the connection to Node's parser for good. */
  handOver(socket: Socket): void;
  closed(connection: PlainConnection): void;
}

/** As for connections of Node's parser. */
const firstHeadMs = 15_000;
const idleMs = 75_000;
/** What Node adds, so that the caller gives a connection up first. */
const idleSlackMs = 1_000;
/** How long the rest of a request is waited for here; Node's parser waits on. */
const restMs = 250;
/** A request in more pieces than these goes to Node's parser, which counts the time of all. */
const mostPieces = 8;

const staysOpen = `Connection: keep-alive\r\nKeep-Alive: timeout=${idleMs / 1_000}\r\n`;
const willClose = "Connection: close\r\n";

/**
 * A connection whose requests are plain so far: one after the other is read and answered without
 * Node's parser and streams, which take as long as all of a request's own work in the door. With
 * the first that is not plain, or not there in time, the connection goes to Node's parser.
 */
export class PlainConnection implements AnswerConnection {
  readonly socket: Socket;
  readonly #door: PlainDoor;
  #response: PlainResponse | undefined = undefined;
  /** What has come and was not looked at: the begin of a request, or what follows one. */
  #held: Buffer | undefined = undefined;
  #pieces = 0;
  #onQuiet: (() => void) | undefined = undefined;
  /** Whether more was asked meanwhile than is kept: then the connection ends with its answer. */
  #overrun = false;

  constructor(socket: Socket, door: PlainDoor) {
    this.socket = socket;
    this.#door = door;
    socket.setTimeout(firstHeadMs);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("timeout", this.#onTimeout);
    socket.on("close", this.#onClose);
    socket.on("error", ignore);
  }

  get persistence(): string {
    return this.#isLast ? willClose : staysOpen;
  }

  /** Whether the next answer is the last on it. */
  get #isLast(): boolean {
    return this.#overrun || this.#door.closing;
  }

  /** Ends a connection on which nothing is asked. */
  closeIdle(): void {
    if (this.#response !== undefined) return;
    if (this.#held === undefined) this.socket.destroy();
    else this.#handOver(this.#release());
  }

  watch(durationMs: number, listener: () => void): void {
    this.#onQuiet = listener;
    this.socket.setTimeout(durationMs);
  }

  readonly answered = (): void => {
    const { socket } = this;
    if (socket.destroyed) return;
    this.#response = undefined;
    if (this.#onQuiet !== undefined) {
      this.#onQuiet = undefined;
      socket.setTimeout(idleMs + idleSlackMs);
    }
    if (this.#isLast) {
      socket.destroySoon();
      return;
    }
    if (this.#held !== undefined) this.#take(this.#release());
  };

  readonly #onData = (chunk: Buffer): void => {
    if (this.#response !== undefined) this.#holdNext(chunk);
    else if (this.#held === undefined) this.#take(chunk);
    else this.#take(Buffer.concat([this.#release(), chunk]));
  };

  readonly #onEnd = (): void => {
    this.socket.end();
  };

  readonly #onTimeout = (): void => {
    if (this.#response !== undefined) this.#stalled(this.#response);
    else if (this.#held !== undefined) this.#handOver(this.#release());
    else if (this.socket.bytesRead > 0) this.socket.destroy();
    else refuseConnection(tooSlow, this.socket);
  };

  readonly #onClose = (): void => {
    this.#release();
    this.#door.closed(this);
    const response = this.#response;
    this.#response = undefined;
    response?.asker?.gone();
  };

  /** A request takes its time; who does not take its answer is given up. */
  #stalled({ writableEnded }: PlainResponse): void {
    if (this.#onQuiet !== undefined) this.#onQuiet();
    else if (writableEnded) this.socket.destroy();
  }

  #take(bytes: Buffer): void {
    // Nobody could be told what came of it.
    if (!this.socket.writable) {
      this.socket.destroySoon();
      return;
    }
    const request = readPlainRequest(bytes);
    if (request === undefined) {
      this.#handOver(bytes);
      return;
    }
    const { bodyStart, end } = request;
    if (end > bytes.length) {
      this.#awaitRest(bytes, request);
      return;
    }
    if (end < bytes.length && !this.#hold(bytes.subarray(end))) {
      this.#handOver(bytes);
      return;
    }
    if (this.#pieces !== 0 || this.socket.timeout === firstHeadMs) {
      this.#pieces = 0;
      this.socket.setTimeout(idleMs + idleSlackMs);
    }
    const response = new PlainResponse(this);
    this.#response = response;
    this.#door.serve(request, bytes.subarray(bodyStart, end), response);
  }

  /** No room is for a body of who is not let in: Node's parser reads the rest to throw it away. */
  #awaitRest(bytes: Buffer, request: PlainRequest): void {
    this.#pieces += 1;
    const isStranger = this.#pieces === 1 && !this.#door.letsIn(request);
    if (isStranger || this.#pieces >= mostPieces || !this.#hold(bytes)) {
      this.#handOver(bytes);
      return;
    }
    if (this.#pieces === 1) this.socket.setTimeout(restMs);
  }

  /**
   * Callers may send the next request before they have the answer. Nothing of more than the longest
   * is kept, as none of it has begun and may be sent again on another connection; but it is read, as
   * only who reads sees a caller go away.
   */
  #holdNext(chunk: Buffer): void {
    const held = this.#release();
    this.#overrun ||= held.length + chunk.length > longestPlainRequest;
    if (this.#overrun) this.#drop();
    else if (!this.#hold(held.length === 0 ? chunk : Buffer.concat([held, chunk]))) {
      this.socket.destroy();
    }
  }

  /** Who does not take its answer is seen to go by that, and must not seem to be moving. */
  #drop(): void {
    const { socket } = this;
    if (!socket.writableNeedDrain) return;
    socket.pause();
    socket.once("drain", () => socket.resume());
  }

  #hold(bytes: Buffer): boolean {
    if (!this.#door.budget.take(bytes.length)) return false;
    this.#held = bytes;
    return true;
  }

  #release(): Buffer {
    const held = this.#held ?? nothing;
    this.#held = undefined;
    this.#door.budget.give(held.length);
    return held;
  }

  #handOver(bytes: Buffer): void {
    const { socket } = this;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("timeout", this.#onTimeout);
    socket.off("close", this.#onClose);
    socket.off("error", ignore);
    socket.setTimeout(0);
    this.#door.closed(this);
    this.#door.handOver(socket);
    if (bytes.length > 0) socket.unshift(bytes);
  }
}

const nothing = Buffer.alloc(0);
const tooSlow = { name: "Error", message: "", code: "ERR_HTTP_REQUEST_TIMEOUT" };

/** What goes wrong with a socket closes it, which is seen by itself. */
function ignore(): void {}
