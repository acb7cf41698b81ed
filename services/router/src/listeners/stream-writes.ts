import type { Socket } from "node:net";
import type { CallerResponse } from "./caller-response.ts";

/**
 * Writes the pieces of a streamed answer. Node holds each back until the end of the turn, then
 * hands it to the socket in four parts. Here it is one, framed as a chunk, which costs about two
 * thirds of that; the pieces of one turn leave together as well.
 */
export class StreamWrites {
  readonly #response: CallerResponse;
  #begun = false;

  constructor(response: CallerResponse) {
    this.#response = response;
  }

  /** Writes a piece; the head goes with the first. False: there is no more room for now. */
  write(text: string): boolean {
    // An empty chunk would be the end of the answer.
    if (text === "") return true;
    const response = this.#response;
    const { socket } = response;
    const begins = !this.#begun;
    this.#begun = true;
    if (socket === null || !socket.writable || !this.#isDirect) return response.write(text);
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(uncork, socket);
    }
    if (begins) response.flushHeaders();
    const sizeBytes = Buffer.byteLength(text);
    const encoding = sizeBytes === text.length ? "latin1" : "utf8";
    return socket.write(`${sizeBytes.toString(16)}\r\n${text}\r\n`, encoding);
  }

  /** Callers of HTTP/1.0 get no chunks; what Node still holds back must not be overtaken. */
  get #isDirect(): boolean {
    return this.#response.chunkedEncoding && this.#response.writableCorked === 0;
  }

  /** Writes the last piece, and the end in the same go. */
  end(text: string): void {
    this.write(text);
    this.#response.end("", "latin1");
  }

  /** Calls once there is room again, after there was none. */
  onDrain(listener: () => void): void {
    const { socket } = this.#response;
    if (socket === null) this.#response.once("drain", listener);
    else socket.once("drain", listener);
  }
}

function uncork(socket: Socket): void {
  socket.uncork();
}
