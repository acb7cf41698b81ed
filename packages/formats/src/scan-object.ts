import type { TextRange } from "./format.ts";
import { afterSpace, endOfString } from "./json-text.ts";

const maxDepth = 64;
const maxKeyCount = 64;
const [quote, colon, comma] = [34, 58, 44];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];

/** Kinds of the brackets that are open: a scan is never interrupted by another. */
const open = new Uint8Array(maxDepth + 1);

/**
 * Finds where the values of an object's own keys stand in a JSON text, white space around them
 * excluded, without building anything of them. Checks that strings and brackets are complete and
 * match, so that a cut or joined text is not taken for an object; undefined for that, and for
 * whatever is unusual: a key given twice or with an escape, more than 64 keys, a depth beyond 64.
 */
export function scanObject(text: string): ReadonlyMap<string, TextRange> | undefined {
  return new ObjectScanner(text).scan();
}

class ObjectScanner {
  readonly #text: string;
  readonly #members = new Map<string, TextRange>();
  #depth = 0;
  /** The key whose value is read; undefined while one is expected. */
  #key: string | undefined;
  #valueStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): ReadonlyMap<string, TextRange> | undefined {
    const text = this.#text;
    let index = afterSpace(text, 0);
    if (text.charCodeAt(index) !== openBrace) return undefined;
    do {
      index = this.#step(index);
      if (index < 0) return undefined;
    } while (this.#depth > 0);
    return afterSpace(text, index) === text.length ? this.#members : undefined;
  }

  /** Takes what begins at `index`; gives where it ends, or -1 where the text can't go on so. */
  #step(index: number): number {
    if (index >= this.#text.length) return -1;
    const code = this.#text.charCodeAt(index);
    switch (code) {
      case quote:
        return this.#string(index);
      case openBrace:
      case openBracket:
        if (this.#depth === maxDepth) return -1;
        this.#depth += 1;
        open[this.#depth] = code;
        return index + 1;
      case closeBrace:
      case closeBracket:
        // Both pairs of brackets are two apart.
        if (open[this.#depth] !== code - 2 || !this.#endValue(index)) return -1;
        this.#depth -= 1;
        return index + 1;
      case comma:
        return this.#endValue(index) ? index + 1 : -1;
      default:
        return index + 1;
    }
  }

  /** Takes a string, and the colon behind it when it is a key. */
  #string(start: number): number {
    const text = this.#text;
    const end = endOfString(text, start + 1);
    if (end < 0) return -1;
    const next = afterSpace(text, end + 1);
    if (this.#depth !== 1 || this.#key !== undefined) return next;
    const key = text.slice(start + 1, end);
    if (text.charCodeAt(next) !== colon || key.includes("\\")) return -1;
    this.#key = key;
    this.#valueStart = next + 1;
    return next + 1;
  }

  /** A comma or bracket at `end` ends the value of the present key; false: it can't. */
  #endValue(end: number): boolean {
    if (this.#depth !== 1) return true;
    const members = this.#members;
    const key = this.#key;
    // An object without members has no value to end.
    if (key === undefined) return members.size === 0 && this.#text.charCodeAt(end) === closeBrace;
    if (members.has(key) || members.size === maxKeyCount) return false;
    members.set(key, trimmed(this.#text, this.#valueStart, end));
    this.#key = undefined;
    return true;
  }
}

function trimmed(text: string, start: number, end: number): TextRange {
  let last = end;
  const first = afterSpace(text, start);
  while (last > first && text.charCodeAt(last - 1) <= 32) last -= 1;
  return { start: first, end: last };
}
