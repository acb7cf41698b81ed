import { AnswerError } from "./answer-error.ts";

/** How long a body is: so many bytes, until its last chunk, or until the connection ends. */
export type BodyLength = number | "chunked" | "until-end";

/** `HTTP/1.1 200`. */
const statusEnd = 12;
const zero = 48;
/** RFC 9110 §5.5 and §5.6.2; obs-fold and control characters are refused (RFC 9112 §5.2). */
const headerLines = /^(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const reasonText = /^(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const digits = /^\d{1,15}$/;
/** A header takes at least so many characters: name, colon, line end. */
const leastHeaderLength = 4;

/**
 * The head of an answer. Headers are searched when somebody asks for one: of the twenty to thirty
 * that vendors send, about eight are ever looked at.
 */
export class AnswerHead {
  readonly status: number;
  readonly #isOldVersion: boolean;
  /** Each header behind a line end: `\nname: value\r`. */
  readonly #lines: string;
  /** The same in lower case, for the names. */
  readonly #lowerLines: string;

  /**
   * @param text the head without the empty line that ends it, with its last line end; Latin-1.
   * @throws AnswerError ANSWER_NOT_HTTP, ANSWER_HEADER_INVALID.
   */
  constructor(text: string) {
    const lineEnd = text.indexOf("\r\n");
    this.#isOldVersion = text.startsWith("HTTP/1.0 ");
    if (!this.#isOldVersion && !text.startsWith("HTTP/1.1 ")) throw notHttp();
    this.status = statusOf(text);
    if (!reasonText.test(text.slice(statusEnd, lineEnd))) throw notHttp();
    if (!headerLines.test(text.slice(lineEnd + 2))) {
      throw new AnswerError("ANSWER_HEADER_INVALID", "a header of the answer is not valid HTTP");
    }
    this.#lines = text.slice(lineEnd + 1);
    this.#lowerLines = this.#lines.toLowerCase();
  }

  /** The value of a header, the first where it is there several times. The name in lower case. */
  get(name: string): string | undefined {
    const needle = `\n${name}:`;
    const at = this.#lowerLines.indexOf(needle);
    if (at === -1) return undefined;
    const start = at + needle.length;
    return this.#lines.slice(start, this.#lines.indexOf("\r", start)).trim();
  }

  /** Whether there are more headers than that. */
  hasMoreThan(count: number): boolean {
    if (this.#lines.length <= count * leastHeaderLength) return false;
    let lines = 0;
    let at = this.#lines.indexOf("\r");
    while (at !== -1 && lines <= count) {
      lines += 1;
      at = this.#lines.indexOf("\r", at + 1);
    }
    return lines > count;
  }

  /**
   * How long the body is (RFC 9112 §6.3). Where that can be read in two ways, nobody knows where
   * the next answer begins.
   *
   * @throws AnswerError ANSWER_LENGTH_UNCLEAR.
   */
  get bodyLength(): BodyLength {
    const length = this.get("content-length");
    const coding = this.get("transfer-encoding");
    if (this.status === 204 || this.status === 304) return 0;
    if (coding !== undefined) {
      const isChunked = coding.toLowerCase() === "chunked" && !this.#isTwice("transfer-encoding");
      if (!isChunked || length !== undefined || this.#isOldVersion) throw unclearLength();
      return "chunked";
    }
    if (length === undefined) return "until-end";
    if (!digits.test(length) || this.#isTwice("content-length")) throw unclearLength();
    return Number(length);
  }

  /** Whether the connection may be used again. */
  get keepsAlive(): boolean {
    const connection = this.get("connection");
    if (connection === undefined) return !this.#isOldVersion;
    const options = connection.toLowerCase();
    if (options === "keep-alive") return true;
    const names = options.split(",").map((option) => option.trim());
    return !names.includes("close") && (!this.#isOldVersion || names.includes("keep-alive"));
  }

  /** How long the other side keeps an idle connection; undefined: it does not say. */
  get idleSeconds(): number | undefined {
    const said = this.get("keep-alive");
    const seconds = said === undefined ? undefined : /timeout=(\d{1,9})/i.exec(said)?.[1];
    return seconds === undefined ? undefined : Number(seconds);
  }

  #isTwice(name: string): boolean {
    const needle = `\n${name}:`;
    return this.#lowerLines.indexOf(needle) !== this.#lowerLines.lastIndexOf(needle);
  }
}

function statusOf(text: string): number {
  const hundreds = text.charCodeAt(9) - zero;
  const tens = text.charCodeAt(10) - zero;
  const ones = text.charCodeAt(11) - zero;
  const isNumber = hundreds >= 1 && hundreds <= 9 && isDigit(tens) && isDigit(ones);
  if (!isNumber) throw notHttp();
  return 100 * hundreds + 10 * tens + ones;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

function notHttp(): AnswerError {
  return new AnswerError("ANSWER_NOT_HTTP", "the answer does not begin like one of HTTP/1.1");
}

function unclearLength(): AnswerError {
  return new AnswerError("ANSWER_LENGTH_UNCLEAR", "the answer's length can be read in two ways");
}
