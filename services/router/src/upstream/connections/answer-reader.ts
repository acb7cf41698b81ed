import { AnswerError } from "./answer-error.ts";
import { AnswerHead } from "./answer-head.ts";
import type { CallHandler } from "./call-handler.ts";
import { ChunkDecoder } from "./chunk-decoder.ts";

/** Bound of the head of an answer, and of each interim one (security R5). */
export const largestHeadBytes = 32_768;
/** Interim answers (1xx) before the answer; servers send one or two. */
const mostInterim = 16;
const headEnd = "\r\n\r\n";

/** What an answer has come to. "surplus": it is over, and there is more than belongs to it. */
export type Progress = "reading" | "complete" | "surplus";

type Stage = "head" | "sized" | "chunked" | "until-end";

/** Reads the answers of one connection, one after the other, from bytes in whatever pieces. */
export class AnswerReader {
  #handler: CallHandler | undefined;
  #stage: Stage = "head";
  /** Of a head that is not complete; undefined: nothing. */
  #headPart: Buffer | undefined;
  #bodyLeft = 0;
  #interim = 0;
  #chunks: ChunkDecoder | undefined;
  #head: AnswerHead | undefined;

  /** The head of the answer that was begun last; undefined: it has not come. */
  get head(): AnswerHead | undefined {
    return this.#head;
  }

  /** Begins to wait for an answer, which is told to the handler until `stop`. */
  begin(handler: CallHandler): void {
    this.#handler = handler;
    this.#stage = "head";
    this.#headPart = undefined;
    this.#interim = 0;
    this.#head = undefined;
  }

  /** The handler hears nothing more. */
  stop(): void {
    this.#handler = undefined;
  }

  /** Whether the answer is complete when the connection ends now. */
  get endsHere(): boolean {
    return this.#stage === "until-end";
  }

  /**
   * Takes the first `length` of `bytes`, which are read before it returns. The end of the answer is
   * not told to the handler: the connection does that when it has seen to itself.
   *
   * @throws AnswerError when that is no HTTP/1.1.
   */
  push(bytes: Buffer, length: number): Progress {
    let from = 0;
    while (this.#stage === "head") {
      const next = this.#readHead(bytes, from, length);
      if (next === -1 || this.#handler === undefined) return "reading";
      from = next;
    }
    switch (this.#stage) {
      case "sized":
        return this.#readSized(bytes, from, length);
      case "chunked":
        return this.#readChunks(bytes, from, length);
      case "until-end":
        if (from < length) this.#handler?.onBody(copyOf(bytes, from, length));
        return "reading";
    }
  }

  /** Where the body begins, or the next head after an interim one; -1: the head is not whole. */
  #readHead(bytes: Buffer, from: number, length: number): number {
    const kept = this.#headPart;
    if (kept !== undefined) return this.#readParts(kept, bytes, from, length);
    if (from === length) return -1;
    const text = bytes.toString("latin1", from, Math.min(length, from + largestHeadBytes));
    const end = text.indexOf(headEnd);
    if (end !== -1) {
      this.#takeHead(text.slice(0, end + 2));
      return from + end + headEnd.length;
    }
    if (length - from >= largestHeadBytes) throw tooLarge();
    if (!mayBegin(text)) throw notHttp();
    this.#headPart = copyOf(bytes, from, length);
    return -1;
  }

  /** A head that comes in pieces: rare, so that the pieces are simply put together. */
  #readParts(kept: Buffer, bytes: Buffer, from: number, length: number): number {
    const most = largestHeadBytes - kept.length;
    const added = bytes.subarray(from, Math.min(length, from + most));
    const whole = Buffer.concat([kept, added]);
    const text = whole.toString("latin1");
    const end = text.indexOf(headEnd, Math.max(0, kept.length - headEnd.length));
    if (end === -1) {
      if (whole.length >= largestHeadBytes) throw tooLarge();
      if (!mayBegin(text)) throw notHttp();
      this.#headPart = whole;
      return -1;
    }
    this.#headPart = undefined;
    this.#takeHead(text.slice(0, end + 2));
    return from + end + headEnd.length - kept.length;
  }

  #takeHead(text: string): void {
    const head = new AnswerHead(text);
    if (head.status === 101) {
      throw new AnswerError("ANSWER_UPGRADED", "the answer goes on in a protocol nobody asked for");
    }
    if (head.status < 200) {
      this.#interim += 1;
      if (this.#interim > mostInterim) throw tooLarge();
      return;
    }
    const length = head.bodyLength;
    if (typeof length === "number") this.#bodyLeft = length;
    else if (length === "chunked") (this.#chunks ??= new ChunkDecoder()).reset();
    this.#stage = typeof length === "number" ? "sized" : length;
    this.#head = head;
    this.#handler?.onHead(head.status, head);
  }

  #readSized(bytes: Buffer, from: number, length: number): Progress {
    const count = Math.min(this.#bodyLeft, length - from);
    this.#bodyLeft -= count;
    if (count > 0) this.#handler?.onBody(copyOf(bytes, from, from + count));
    if (this.#bodyLeft > 0) return "reading";
    return from + count < length ? "surplus" : "complete";
  }

  #readChunks(bytes: Buffer, from: number, length: number): Progress {
    const chunks = this.#chunks;
    if (chunks === undefined || from === length) return "reading";
    const data = Buffer.allocUnsafe(length - from);
    const size = chunks.decode(bytes, from, length, data);
    if (size > 0) this.#handler?.onBody(data.subarray(0, size));
    if (!chunks.done) return "reading";
    return chunks.taken < length ? "surplus" : "complete";
  }
}

/** What is read into is used again for the next read. */
function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  bytes.copy(copy, 0, from, to);
  return copy;
}

/** Whether an incomplete head can still become one; nonsense is not waited for. */
function mayBegin(text: string): boolean {
  const begin = text.slice(0, httpName.length);
  return httpName.startsWith(begin) && !bareLineFeed.test(text);
}

const bareLineFeed = /^[^\r]*\n/;

const httpName = "HTTP/1.";

function tooLarge(): AnswerError {
  const message = "the head of the answer is larger than 32 KiB";
  return new AnswerError("ANSWER_HEAD_TOO_LARGE", message);
}

function notHttp(): AnswerError {
  return new AnswerError("ANSWER_NOT_HTTP", "the answer does not begin like one of HTTP/1.1");
}
