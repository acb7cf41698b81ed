import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { CallerResponse } from "./caller-response.ts";

/** The connection that an answer is written to. */
export interface AnswerConnection {
  readonly socket: Socket;
  /** Header lines that say whether the connection stays open. */
  readonly persistence: string;
  /** The last byte of the answer has left, or can't. */
  readonly answered: () => void;
  /** Calls once nothing has moved for so long, until the answer has left. */
  watch(durationMs: number, listener: () => void): void;
}

/** Who waits for an answer. */
export interface Asker {
  /** The connection has ended before the answer had left. */
  gone(): void;
}

/**
 * The answer to one plain request. Its head and a body that follows at once leave in one write, as
 * one text; Node's own response takes more steps for each header than the whole of this.
 */
export class PlainResponse implements CallerResponse {
  readonly socket: Socket;
  readonly useChunkedEncodingByDefault = true;
  readonly writableCorked = 0;
  headersSent = false;
  writableEnded = false;
  chunkedEncoding = false;
  asker: Asker | undefined = undefined;
  readonly #connection: AnswerConnection;
  /** What was not handed to the socket yet. */
  #head = "";
  #trailers = "";

  constructor(connection: AnswerConnection) {
    this.socket = connection.socket;
    this.#connection = connection;
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  get writableLength(): number {
    return this.socket.writableLength;
  }

  writeHead(status: number, headers: readonly string[]): void {
    if (this.headersSent) throw new TypeError("the head of an answer is written once");
    let head = status === 200 ? okLine : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    let chunked = true;
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at] ?? "";
      if (name === "content-length") chunked = false;
      head += headerLine(name, headers[at + 1] ?? "");
    }
    if (chunked) head += "Transfer-Encoding: chunked\r\n";
    this.#head = `${head}${this.#connection.persistence}\r\n`;
    this.headersSent = true;
    this.chunkedEncoding = chunked;
  }

  flushHeaders(): void {
    const head = this.#head;
    this.#head = "";
    if (head !== "") this.socket.write(head, "latin1");
  }

  /** Of an answer in chunks. */
  write(text: string): boolean {
    const framed = this.#takeHead() + chunkOf(text);
    return framed === "" || this.socket.write(framed);
  }

  end(text: string, encoding: "utf8" | "latin1"): void {
    if (this.writableEnded) return;
    this.writableEnded = true;
    let rest = this.#takeHead();
    rest += this.chunkedEncoding ? `${chunkOf(text)}0\r\n${this.#trailers}\r\n` : text;
    this.socket.write(rest, encoding, this.#connection.answered);
  }

  addTrailers(pairs: readonly (readonly [string, string])[]): void {
    for (const [name, value] of pairs) this.#trailers += headerLine(name, value);
  }

  setTimeout(durationMs: number, listener: () => void): void {
    this.#connection.watch(durationMs, listener);
  }

  destroy(): void {
    this.socket.destroy();
  }

  once(event: "drain", listener: () => void): void {
    this.socket.once(event, listener);
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }
}

const okLine = "HTTP/1.1 200 OK\r\n";

/** Throws where a value would end its line, so that nobody's words become a header of their own. */
function headerLine(name: string, value: string): string {
  if (value.includes("\n") || value.includes("\r")) {
    throw new TypeError(`the value of the header ${name} has more than one line`);
  }
  return `${name}: ${value}\r\n`;
}

/** An empty chunk would be the end of the answer. */
function chunkOf(text: string): string {
  if (text === "") return "";
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
