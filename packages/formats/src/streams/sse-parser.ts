/** What an SSE parser found. */
export interface SseHandler {
  /** The text of one read, whose lines end with LF, before what it tells. */
  read?(text: string): void;
  /** One event: its name (empty: none) and its data, lines joined by a newline. */
  event(name: string, data: string): void;
  /**
   * Offered the text in which an event begins at `at`: gives where the next one begins if it knows
   * the whole event at sight, else `at`. Lines end with LF there.
   */
  take?(text: string, at: number): number;
}

/** Largest line, and largest data of one event (security.md R5). Unit: characters. */
const defaultMaxLineLength = 1_048_576;
const byteOrderMark = "\uFEFF";

/**
 * Incremental parser of server-sent events as the HTML standard frames them: lines end with CR,
 * LF or both, characters and lines may be split anywhere, comments and unknown fields mean
 * nothing. `id` and `retry` are for clients that reconnect, which no gateway may do.
 */
export class SseParser {
  readonly #handler: SseHandler;
  readonly #maxLineLength: number;
  // Two decoders: the one without state is several times cheaper and nearly always enough.
  readonly #whole = new TextDecoder("utf-8", { ignoreBOM: true });
  #split: TextDecoder | undefined;
  #splitPending = false;
  #atStart = true;
  #skipLineFeed = false;
  #rest = "";
  #name = "";
  #data: string | undefined;
  #overflowed = false;

  constructor(handler: SseHandler, maxLineLength: number = defaultMaxLineLength) {
    this.#handler = handler;
    this.#maxLineLength = maxLineLength;
  }

  /** False when a line or an event was too long; then everything further is ignored. */
  push(bytes: Uint8Array): boolean {
    if (this.#overflowed) return false;
    let text = this.#decode(bytes);
    if (text === "") return true;
    if (this.#atStart) {
      this.#atStart = false;
      if (text.startsWith(byteOrderMark)) text = text.slice(1);
    }
    if (this.#skipLineFeed) {
      this.#skipLineFeed = false;
      if (text.startsWith("\n")) text = text.slice(1);
    }
    if (text.includes("\r")) {
      // A CR at the very end may be half of a CRLF whose LF comes with the next read.
      if (text.endsWith("\r")) this.#skipLineFeed = true;
      text = text.replace(/\r\n?/g, "\n");
    }
    this.#handler.read?.(text);
    this.#lines(text);
    return !this.#overflowed;
  }

  /**
   * The stream is over. The standard drops an event without its blank line; servers that end
   * without one are common, so that `dispatchIncomplete` hands it over.
   */
  end(dispatchIncomplete = false): void {
    if (dispatchIncomplete && !this.#overflowed) {
      if (this.#rest !== "") this.#line(this.#rest);
      this.#dispatch();
    }
    this.#overflowed = true;
  }

  #decode(bytes: Uint8Array): string {
    const last = bytes[bytes.length - 1];
    if (last === undefined) return "";
    if (!this.#splitPending && last < 0x80) return this.#whole.decode(bytes);
    this.#split ??= new TextDecoder("utf-8", { ignoreBOM: true });
    this.#splitPending = last >= 0x80;
    return this.#split.decode(bytes, { stream: true });
  }

  #lines(text: string): void {
    const between = this.#rest === "" && this.#name === "" && this.#data === undefined;
    let start = between ? this.#taken(text, 0) : 0;
    let end = text.indexOf("\n", start);
    while (end >= 0) {
      const piece = text.slice(start, end);
      const line = this.#rest === "" ? piece : this.#rest + piece;
      this.#rest = "";
      if (line.length > this.#maxLineLength) this.#overflowed = true;
      else this.#line(line);
      if (this.#overflowed) return;
      start = line === "" ? this.#taken(text, end + 1) : end + 1;
      end = text.indexOf("\n", start);
    }
    if (start < text.length) this.#rest += text.slice(start);
    if (this.#rest.length > this.#maxLineLength) this.#overflowed = true;
  }

  /** Position behind the events from `at` on that the handler knows at sight. */
  #taken(text: string, at: number): number {
    const handler = this.#handler;
    // What may be longer than a line is looked at line by line.
    if (handler.take === undefined || text.length > this.#maxLineLength) return at;
    let from = at;
    while (from < text.length) {
      const next = handler.take(text, from);
      if (next <= from) break;
      from = next;
    }
    return from;
  }

  #line(line: string): void {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let from = colon < 0 ? line.length : colon + 1;
    if (line.charCodeAt(from) === 32) from++;
    if (field === "data") this.#addData(line.slice(from));
    else if (field === "event") this.#name = line.slice(from);
  }

  #addData(value: string): void {
    if (this.#data === undefined) {
      this.#data = value;
      return;
    }
    this.#data = `${this.#data}\n${value}`;
    if (this.#data.length > this.#maxLineLength) this.#overflowed = true;
  }

  #dispatch(): void {
    const [name, data] = [this.#name, this.#data];
    this.#name = "";
    this.#data = undefined;
    if (data !== undefined) this.#handler.event(name, data);
  }
}
