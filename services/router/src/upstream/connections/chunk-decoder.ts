import { AnswerError } from "./answer-error.ts";

/** A size of 2^32 bytes and more is no chunk of an answer. */
const mostSizeDigits = 8;
/** Extensions of one chunk, or trailers of an answer; nobody reads them. */
const mostIgnoredBytes = 16_384;
const carriageReturn = 13;
const lineFeed = 10;
const semicolon = 59;

type State =
  | "size"
  | "extension"
  | "size-line-feed"
  | "data"
  | "data-return"
  | "data-line-feed"
  | "trailer-start"
  | "trailer"
  | "trailer-line-feed"
  | "last-line-feed"
  | "done";

/** Takes a body out of its chunks (RFC 9112 §7.1), whatever pieces it comes in. */
export class ChunkDecoder {
  #state: State = "size";
  #sizeDigits = 0;
  #dataLeft = 0;
  #ignoredBytes = 0;
  #taken = 0;

  /** Where the last `decode` stopped: at its end, unless the body was over before. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether the last chunk and the trailers are over. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** For the next body. */
  reset(): void {
    this.#state = "size";
    this.#sizeDigits = 0;
    this.#dataLeft = 0;
    this.#ignoredBytes = 0;
  }

  /**
   * Copies what is data of `bytes[from, end)` to the beginning of `into`, which has room for all,
   * and gives how many bytes that was.
   *
   * @throws AnswerError ANSWER_CHUNK_INVALID.
   */
  decode(bytes: Buffer, from: number, end: number, into: Buffer): number {
    let at = from;
    let size = 0;
    while (at < end && this.#state !== "done") {
      if (this.#state !== "data") {
        this.#mark(bytes[at] ?? 0);
        at += 1;
        continue;
      }
      const count = Math.min(this.#dataLeft, end - at);
      bytes.copy(into, size, at, at + count);
      size += count;
      at += count;
      this.#dataLeft -= count;
      if (this.#dataLeft === 0) this.#state = "data-return";
    }
    this.#taken = at;
    return size;
  }

  /** A byte that is no data. */
  #mark(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#size(byte);
      case "extension":
        if (byte === carriageReturn) this.#state = "size-line-feed";
        else this.#ignore(byte);
        return;
      case "size-line-feed":
        this.#expect(byte, lineFeed, this.#dataLeft === 0 ? "trailer-start" : "data");
        return;
      case "data-return":
        return this.#expect(byte, carriageReturn, "data-line-feed");
      case "data-line-feed":
        this.#sizeDigits = 0;
        this.#ignoredBytes = 0;
        return this.#expect(byte, lineFeed, "size");
      case "trailer-start":
      case "trailer":
        return this.#trailer(byte);
      case "trailer-line-feed":
        return this.#expect(byte, lineFeed, "trailer-start");
      default:
        this.#expect(byte, lineFeed, "done");
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      this.#sizeDigits += 1;
      if (this.#sizeDigits > mostSizeDigits) throw invalidChunk();
      this.#dataLeft = this.#dataLeft * 16 + digit;
      return;
    }
    if (this.#sizeDigits === 0) throw invalidChunk();
    if (byte === carriageReturn) this.#state = "size-line-feed";
    else if (byte === semicolon || byte === 32 || byte === 9) this.#state = "extension";
    else throw invalidChunk();
  }

  #trailer(byte: number): void {
    if (byte !== carriageReturn) {
      this.#state = "trailer";
      this.#ignore(byte);
    } else this.#state = this.#state === "trailer" ? "trailer-line-feed" : "last-line-feed";
  }

  #ignore(byte: number): void {
    this.#ignoredBytes += 1;
    if (byte === lineFeed || this.#ignoredBytes > mostIgnoredBytes) throw invalidChunk();
  }

  #expect(byte: number, expected: number, next: State): void {
    if (byte !== expected) throw invalidChunk();
    this.#state = next;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function invalidChunk(): AnswerError {
  return new AnswerError("ANSWER_CHUNK_INVALID", "the chunks of the answer can't be told apart");
}
