import { isSpace } from "./json-bytes.ts";
import { surelyToldDigits } from "./told-count.ts";

const maxDepth = 64;
/** Bytes looked at one by one before the search of the engine is worth its call. */
const shortStringBytes = 32;
const [quote, comma, colon, backslash] = [34, 44, 58, 92];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];
const [zero, nine] = [48, 57];
const escapeByNumber = "\\u";
const maxPlainLength = 256;

/** Kinds of the brackets that are open: a walk over a value is never interrupted by another. */
const open = new Uint8Array(maxDepth + 1);
const encoder = new TextEncoder();

/** 1 for bytes of printable ASCII that stand for themselves in a string. */
const isPlain = new Uint8Array(256).map((_, code) =>
  code < 32 || code > 126 || code === quote || code === backslash ? 0 : 1,
);

/** The bytes of a key, for `isKey`. */
export const keyBytes = (name: string): Uint8Array => encoder.encode(name);

/**
 * Takes the member that a walk has come to; gives where its value ends, or -1 where the walk is to
 * be given up.
 */
export type TakeMember<State> = (walker: JsonWalker, state: State) => number;

/**
 * Takes the item of a list that begins at a place; gives where it ends, or -1 where the walk is to
 * be given up.
 */
export type TakeItem<State> = (walker: JsonWalker, state: State, start: number) => number;

/**
 * Walks over a JSON text in one pass, member by member, without building anything of it that nobody
 * asks for. Positions are those of bytes, and of characters where the text is Latin-1 of them.
 */
export class JsonWalker {
  readonly #body: Uint8Array;
  readonly #text: string;
  /** Of the present member. */
  #keyStart = 0;
  #keyEnd = 0;
  #valueStart = 0;

  /** `text` has one character for each byte. */
  constructor(text: string, body: Uint8Array) {
    this.#text = text;
    this.#body = body;
  }

  /** Where the value of the present member begins. Ask before another walk. */
  get valueStart(): number {
    return this.#valueStart;
  }

  /** Length of the present member's key. Unit: bytes. */
  get keyLength(): number {
    return this.#keyEnd - this.#keyStart;
  }

  /** Whether the present member has this key. */
  isKey(name: Uint8Array): boolean {
    const start = this.#keyStart;
    return this.#keyEnd - start === name.length && this.spells(start, name);
  }

  /** Whether these bytes stand at `start`. */
  spells(start: number, word: Uint8Array): boolean {
    const body = this.#body;
    for (let index = 0; index < word.length; index += 1) {
      if (body[start + index] !== word[index]) return false;
    }
    return true;
  }

  /** The byte at a position; 0 behind the end. */
  at(index: number): number {
    return this.#body[index] ?? 0;
  }

  /** Position of the first byte from `start` on that is no white space. */
  afterSpace(start: number): number {
    const body = this.#body;
    let at = start;
    while (at < body.length && (body[at] as number) <= 32 && isSpace(body[at])) at += 1;
    return at;
  }

  /**
   * Walks over the whole text, which is one object. False: it is none, is cut or joined otherwise
   * than JSON is, has a key that is not plain, or `take` gave up.
   */
  walkWhole<State>(state: State, take: TakeMember<State>): boolean {
    const end = this.walk(this.afterSpace(0), state, take);
    return end >= 0 && this.afterSpace(end) === this.#body.length;
  }

  /** Walks over the object that begins at `start`; gives where it ends, or -1 as above. */
  walk<State>(start: number, state: State, take: TakeMember<State>): number {
    if (this.at(start) !== openBrace) return -1;
    let at = this.afterSpace(start + 1);
    if (this.at(at) === closeBrace) return at + 1;
    for (;;) {
      if (!this.#findMember(at)) return -1;
      const end = take(this, state);
      if (end < 0) return -1;
      at = this.afterSpace(end);
      const code = this.at(at);
      if (code === closeBrace) return at + 1;
      if (code !== comma) return -1;
      at = this.afterSpace(at + 1);
    }
  }

  /** Walks over the list that begins at `start`; gives where it ends, or -1 as above. */
  walkList<State>(start: number, state: State, take: TakeItem<State>): number {
    if (this.at(start) !== openBracket) return -1;
    let at = this.afterSpace(start + 1);
    if (this.at(at) === closeBracket) return at + 1;
    for (;;) {
      const end = take(this, state, at);
      if (end < 0) return -1;
      at = this.afterSpace(end);
      const code = this.at(at);
      if (code === closeBracket) return at + 1;
      if (code !== comma) return -1;
      at = this.afterSpace(at + 1);
    }
  }

  #findMember(start: number): boolean {
    const body = this.#body;
    if (body[start] !== quote) return false;
    let end = start + 1;
    while (isPlain[body[end] ?? 0] === 1) end += 1;
    if (body[end] !== quote) return false;
    const behind = body[end + 1] === colon ? end + 1 : this.afterSpace(end + 1);
    if (body[behind] !== colon) return false;
    this.#keyStart = start + 1;
    this.#keyEnd = end;
    this.#valueStart = this.afterSpace(behind + 1);
    return true;
  }

  /**
   * Where the value ends that begins at `start`; -1: there is none, or it is not complete. Strings
   * end and brackets match; what stands between them is not checked.
   */
  endOfValue(start: number): number {
    const body = this.#body;
    const code = body[start];
    if (code === quote) return this.#endOfString(start + 1);
    if (code === openBrace || code === openBracket) return this.#endOfBrackets(start);
    let end = start;
    while (end < body.length && isOfScalar(body[end] as number)) end += 1;
    return end === start ? -1 : end;
  }

  /** Position behind the quote that closes the string whose content begins at `from`, or -1. */
  #endOfString(from: number): number {
    const body = this.#body;
    let at = from;
    let near = from + shortStringBytes;
    while (at < body.length) {
      const code = body[at] as number;
      if (code === quote) return at + 1;
      if (code === backslash) at += 2;
      else if (at < near) at += 1;
      else {
        at = this.#nearerStop(at);
        if (at < 0) return -1;
        near = at + shortStringBytes;
      }
    }
    return -1;
  }

  /** The next quote, or where the run of backslashes begins that stands before it. */
  #nearerStop(from: number): number {
    const body = this.#body;
    let at = this.#text.indexOf('"', from);
    while (at > from && body[at - 1] === backslash) at -= 1;
    return at;
  }

  #endOfBrackets(start: number): number {
    const body = this.#body;
    let depth = 0;
    let at = start;
    while (at < body.length) {
      const code = body[at] as number;
      if (code === quote) {
        at = this.#endOfString(at + 1);
        if (at < 0) return -1;
        continue;
      }
      if (code === openBrace || code === openBracket) {
        if (depth === maxDepth) return -1;
        depth += 1;
        open[depth] = code;
      } else if (code === closeBrace || code === closeBracket) {
        // Both pairs of brackets are two apart.
        if (open[depth] !== code - 2) return -1;
        depth -= 1;
        if (depth === 0) return at + 1;
      }
      at += 1;
    }
    return -1;
  }

  /** Where a whole count of at most 8 digits or `null` ends; -1 for whatever else begins there. */
  endOfCount(start: number): number {
    const body = this.#body;
    let end = start;
    while (end < body.length && isDigit(body[end] as number)) end += 1;
    if (end === start) return this.spells(start, nullBytes) ? start + 4 : -1;
    const leadsWithZero = end - start > 1 && body[start] === zero;
    return leadsWithZero || end - start > surelyToldDigits ? -1 : end;
  }

  /** What stands up to `end`, which `endOfCount` has found; undefined for `null`. */
  countAt(start: number, end: number): number | undefined {
    const body = this.#body;
    if (!isDigit(body[start] as number)) return undefined;
    let count = 0;
    for (let index = start; index < end; index += 1) {
      count = count * 10 + (body[index] as number) - zero;
    }
    return count;
  }

  /** Where a text of printable ASCII without escapes ends; -1 for whatever else begins there. */
  endOfPlainText(start: number): number {
    const body = this.#body;
    if (body[start] !== quote) return -1;
    let end = start + 1;
    while (isPlain[body[end] ?? 0] === 1) end += 1;
    return body[end] === quote ? end + 1 : -1;
  }

  /** What stands between the quotes of a text, which `endOfPlainText` has found; at most 256. */
  plainText(start: number, end: number): string {
    return this.#text.slice(start + 1, Math.min(end - 1, start + 1 + maxPlainLength));
  }

  /** Where a text ends that `textAt` is to look at; -1 for whatever else begins there. */
  endOfText(start: number): number {
    return this.#body[start] === quote ? this.#endOfString(start + 1) : -1;
  }

  /**
   * The text up to `end`, which `endOfText` has found; undefined where it is none, and where it has
   * escapes by number, of which not every one is a character. A text of its own, no part of another:
   * what writes JSON takes those much faster, and a part keeps all of the other.
   */
  textAt(start: number, end: number): string | undefined {
    const text = this.#text.slice(start, end);
    return text.includes(escapeByNumber) ? undefined : (parseJson(text) as string | undefined);
  }

  /** The value at a place; undefined where it is not JSON. */
  parse(start: number, end: number): unknown {
    return parseJson(this.#text.slice(start, end));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const nullBytes = keyBytes("null");

/** Whether a byte is a digit. */
export function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

/** Whether a byte may be one of a number, or of `true`, `false` and `null`. */
function isOfScalar(code: number): boolean {
  if ((code >= 97 && code <= 122) || isDigit(code)) return true;
  // Signs, the point and the exponent.
  return code === 43 || code === 45 || code === 46 || code === 69;
}
