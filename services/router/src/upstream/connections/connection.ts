import type { Socket } from "node:net";
import { AnswerError } from "./answer-error.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { CallControl, CallHandler, CallText } from "./call-handler.ts";
import { HandlerMistake, tellError } from "./handler-mistake.ts";
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

/** The say of one call over its connection, which serves others once the call is over. */
class ControlOfCall implements CallControl {
  connection: Connection | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  pause(): void {
    this.connection?.pause();
  }

  resume(): void {
    this.connection?.resume();
  }

  abort(): void {
    this.connection?.abort();
  }
}

/** A connection to a provider, which serves one call at a time. */
export class Connection implements ByteReceiver {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #reader = new AnswerReader();
  #handler: CallHandler | undefined;
  #control: ControlOfCall | undefined;
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
    // A new one begins to read a moment later, whatever was said meanwhile.
    socket.on("resume", () => this.#paused && socket.pause());
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
    const control = new ControlOfCall(this);
    this.#control = control;
    let isWanted;
    try {
      isWanted = handler.onConnected(control);
    } catch (error) {
      this.destroy(new HandlerMistake(error));
      return;
    }
    if (isWanted) {
      writeCall(this.#socket, call);
      return;
    }
    this.#endCall();
    if (this.isUsable) this.#owner.freed(this);
  }

  /** Reads no more for now; what is on its way already still comes. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Breaks it; its call, if it has one, hears nothing more. */
  abort(): void {
    this.#endCall();
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
      this.destroy(error instanceof AnswerError ? error : new HandlerMistake(error));
      return;
    }
    if (progress !== "reading") this.#complete(progress === "complete");
  }

  #complete(isExact: boolean): void {
    const handler = this.#endCall();
    const { head } = this.#reader;
    // An answer before the end of the call is one the other side may not read on after.
    const isSent = this.#socket.writableLength === 0;
    if (isExact && isSent && head?.keepsAlive === true && this.isUsable) {
      this.idleSeconds = head.idleSeconds;
      if (this.#paused) this.resume();
      this.#owner.freed(this);
    } else this.#socket.destroy();
    try {
      handler?.onEnd();
    } catch (error) {
      if (handler !== undefined) tellError(handler, new HandlerMistake(error));
    }
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
    const handler = this.#endCall();
    if (handler !== undefined) tellError(handler, error);
  }

  /** From now on nobody has a say over it. Gives who is still to be told of the end. */
  #endCall(): CallHandler | undefined {
    const handler = this.#handler;
    this.#handler = undefined;
    if (this.#control !== undefined) this.#control.connection = undefined;
    this.#control = undefined;
    this.#reader.stop();
    return handler;
  }
}

function ended(): AnswerError {
  return new AnswerError("CONNECTION_ENDED", "the other side ended the connection");
}
