import type { Socket } from "node:net";
import { AnswerError } from "./answer-error.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { CallControl, CallHandler, CallText } from "./call-handler.ts";
import { receiveFrom } from "./received-bytes.ts";
import type { ByteReceiver } from "./received-bytes.ts";
import { writeCall } from "./write-call.ts";

/** Who keeps connections. */
export interface ConnectionOwner {
  /** A connection has ended its call and can serve another. */
  freed(connection: Connection): void;
  /** A connection is gone. Called once. */
  gone(connection: Connection): void;
}

/** A connection to a provider, which serves one call at a time. */
export class Connection implements CallControl, ByteReceiver {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #reader = new AnswerReader();
  #handler: CallHandler | undefined;
  #error: Error | undefined;
  #paused = false;
  /** How long the other side keeps it without a call; undefined: it has not said. */
  idleSeconds: number | undefined;
  /** Since which tick of its owner's clock it has had no call. */
  idleSinceTick = 0;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    receiveFrom(socket, this);
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => (this.#error ??= error));
    socket.on("close", () => this.#onClose());
  }

  /** Whether a call can be sent over it, as far as is known. */
  get isUsable(): boolean {
    return this.#socket.writable && !this.#socket.destroyed;
  }

  /** Sends a call, unless its handler says that it is not wanted any more. */
  send(call: CallText, handler: CallHandler): void {
    this.#handler = handler;
    this.#reader.begin(handler);
    if (handler.onConnected(this)) {
      writeCall(this.#socket, call);
      return;
    }
    this.#handler = undefined;
    this.#reader.stop();
    if (this.isUsable) this.#owner.freed(this);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  abort(): void {
    this.#handler = undefined;
    this.#reader.stop();
    this.#socket.destroy();
  }

  /** Breaks it; its call, if it has one, ends with that error. */
  destroy(error: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
    this.#fail(this.#error);
  }

  receive(bytes: Buffer, length: number): void {
    // Who sends without having been asked can't be followed: the next answer would be that.
    if (this.#handler === undefined) return this.abort();
    let progress;
    try {
      progress = this.#reader.push(bytes, length);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (progress !== "reading") this.#complete(progress === "complete");
  }

  #complete(isExact: boolean): void {
    const handler = this.#handler;
    const { head } = this.#reader;
    this.#handler = undefined;
    this.#reader.stop();
    // An answer before the end of the call is one the other side may not read on after.
    const isSent = this.#socket.writableLength === 0;
    if (isExact && isSent && head?.keepsAlive === true && this.isUsable) {
      this.idleSeconds = head.idleSeconds;
      if (this.#paused) this.resume();
      this.#owner.freed(this);
    } else this.#socket.destroy();
    handler?.onEnd();
  }

  #onEnd(): void {
    if (this.#reader.endsHere && this.#handler !== undefined) this.#complete(false);
    else this.destroy(ended());
  }

  #onClose(): void {
    this.#owner.gone(this);
    this.#fail(this.#error ?? ended());
  }

  #fail(error: Error): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#reader.stop();
    handler?.onError(error);
  }
}

function ended(): AnswerError {
  return new AnswerError("CONNECTION_ENDED", "the other side ended the connection");
}
