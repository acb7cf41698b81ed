import { invalidBody } from "./invalid-body.ts";
import { hexValue, isSpace, readKey } from "./json-bytes.ts";

/** Bounds of a JSON text. */
export interface JsonLimits {
  /** Deepest nesting. Default 64: `JSON.parse` itself takes millions and blocks for seconds. */
  maxDepth?: number;
  /** Most object keys in the whole text. Default 100,000. */
  maxKeys?: number;
}

/** What a scan learns about a JSON text that keeps its bounds. */
export interface JsonScan {
  /** Number of keys of the outermost object. */
  topLevelKeys: number;
  /** Number of keys of all objects. */
  keys: number;
  /**
   * True when an object below the outermost may have a key twice: by far not always so, but never
   * without it.
   */
  mayRepeatKey: boolean;
  /** True when such a key is written with an escape, so that its bytes do not tell its name. */
  escapedTopLevelKey: boolean;
  /** True when a number may be too large for a double, which `JSON.parse` turns into Infinity. */
  mayOverflow: boolean;
  /** Bytes of the value of the top-level key `model`, white space included; undefined if none. */
  model: { start: number; end: number } | undefined;
}

/** More top-level keys than any known request has, and few enough to compare one by one. */
const maxTopLevelKeys = 256;
/** Longest distance between two structural bytes for which a number surely fits a double. */
const maxPlainLiteralBytes = 300;
/** Bytes looked at one by one before the search of the engine is worth its call. */
const shortStringBytes = 32;

const [quote, backslash, colon, comma] = [34, 92, 58, 44];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];

/**
 * Looks over the bytes of a JSON text before `JSON.parse` may see them: depth, number of keys,
 * keys that touch prototypes, surrogates without partner, and a key given twice at the top level.
 * `__proto__` is refused wherever it stands, `prototype` right inside of a `constructor`, by which
 * one gets from any object to what all inherit; alone both are names like others, which the schema
 * of a tool may well have. Does not check the syntax otherwise. Throws FIELD_INVALID with the
 * position in bytes.
 */
export function scanJson(body: Uint8Array, limits: JsonLimits = {}): JsonScan {
  return new JsonScanner(body, limits.maxDepth ?? 64, limits.maxKeys ?? 100_000).scan();
}

// Top-level keys of the text that is scanned now: a scan is never interrupted by another.
const topStarts = new Int32Array(maxTopLevelKeys);
const topEnds = new Int32Array(maxTopLevelKeys);
const topHashes = new Int32Array(maxTopLevelKeys);

// Marks of the keys that the object at each depth has so far, of 64 in two halves. Where texts may be
// deeper than that, any key may be repeated.
const deepestMarks = 127;
const lowMarks = new Int32Array(deepestMarks + 1);
const highMarks = new Int32Array(deepestMarks + 1);

/** Whether the bytes at `start` spell `model`. */
function isModel(body: Uint8Array, start: number): boolean {
  if (body[start] !== 109 || body[start + 1] !== 111 || body[start + 2] !== 100) return false;
  return body[start + 3] === 101 && body[start + 4] === 108;
}

class JsonScanner {
  readonly #body: Uint8Array;
  readonly #maxDepth: number;
  readonly #maxKeys: number;
  #depth = 0;
  #keys = 0;
  #nextQuote = -1;
  #nextBackslash = -1;
  #escaped = false;
  #mayOverflow = false;
  #escapedTopLevelKey = false;
  #mayRepeatKey: boolean;
  #topCount = 0;
  #modelStart = -1;
  #modelEnd = -1;
  /** Depth of the innermost object that is the value of a key `constructor`; -1: none. */
  #constructorDepth = -1;
  /** Those around it. */
  #outerConstructors: number[] | undefined;

  constructor(body: Uint8Array, maxDepth: number, maxKeys: number) {
    this.#body = body;
    this.#maxDepth = maxDepth;
    this.#maxKeys = maxKeys;
    this.#mayRepeatKey = maxDepth > deepestMarks;
  }

  scan(): JsonScan {
    const body = this.#body;
    const length = body.length;
    let structural = 0;
    let index = 0;
    while (index < length) {
      const byte = body[index] as number;
      if (byte === quote) {
        index = this.#afterString(index);
        structural = index;
        continue;
      }
      // Digits, spaces and colons are most of what stands between strings.
      if (byte === comma || byte >= openBracket) {
        if (this.#structure(byte, index)) {
          this.#mayOverflow ||= index - structural > maxPlainLiteralBytes;
          structural = index;
        }
      } else if (byte === 69) this.#mayOverflow = true;
      index++;
    }
    this.#mayOverflow ||= length - structural > maxPlainLiteralBytes;
    return {
      topLevelKeys: this.#topCount,
      keys: this.#keys,
      mayRepeatKey: this.#mayRepeatKey,
      escapedTopLevelKey: this.#escapedTopLevelKey,
      mayOverflow: this.#mayOverflow,
      model:
        this.#modelStart < 0 || this.#modelEnd < 0
          ? undefined
          : { start: this.#modelStart, end: this.#modelEnd },
    };
  }

  /** Takes a byte that opens, closes or separates; false for any other. */
  #structure(byte: number, index: number): boolean {
    switch (byte) {
      case openBrace:
      case openBracket:
        if (++this.#depth > this.#maxDepth) {
          this.#refuse(`is nested deeper than ${this.#maxDepth} levels`, index);
        }
        lowMarks[this.#depth & deepestMarks] = 0;
        highMarks[this.#depth & deepestMarks] = 0;
        return true;
      case closeBrace:
      case closeBracket:
        if (this.#depth === this.#constructorDepth) this.#leaveConstructor();
        if (this.#depth-- === 1) this.#endTopLevelValue(index);
        return true;
      case comma:
        if (this.#depth === 1) this.#endTopLevelValue(index);
        return true;
      case 101: {
        // An exponent stands behind a digit or a point; the `e` of true and false does not.
        const before = this.#body[index - 1] ?? 0;
        if (before >= 46 && before <= 57) this.#mayOverflow = true;
        return false;
      }
      default:
        return false;
    }
  }

  #endTopLevelValue(index: number): void {
    if (this.#modelStart >= 0 && this.#modelEnd < 0) this.#modelEnd = index;
  }

  /** Position behind the string that begins at `start`, or behind its colon when it is a key. */
  #afterString(start: number): number {
    const body = this.#body;
    this.#escaped = false;
    const end = this.#endOfString(start + 1);
    let index = end + 1;
    while (isSpace(body[index])) index++;
    if (body[index] !== colon) return index;
    this.#key(start + 1, end);
    return index + 1;
  }

  /** Position of the closing quote of the string whose content begins at `from`. */
  #endOfString(from: number): number {
    const body = this.#body;
    let index = from;
    for (;;) {
      const near = Math.min(index + shortStringBytes, body.length);
      let byte = 0;
      while (index < near && (byte = body[index] as number) !== quote && byte !== backslash) {
        index++;
      }
      // An escape at the very end of a broken text leads behind it.
      if (index >= body.length) return body.length;
      if (index === near) {
        index = this.#farStop(index);
        byte = body[index] ?? quote;
      }
      if (byte === quote) return index;
      this.#escaped = true;
      index = this.#afterEscape(index);
    }
  }

  /** Next quote or backslash; each search result is kept until passed, so all stay linear. */
  #farStop(from: number): number {
    if (this.#nextQuote < from) this.#nextQuote = this.#find(quote, from);
    if (this.#nextBackslash < from) this.#nextBackslash = this.#find(backslash, from);
    return Math.min(this.#nextQuote, this.#nextBackslash);
  }

  #find(byte: number, from: number): number {
    const found = this.#body.indexOf(byte, from);
    return found < 0 ? this.#body.length : found;
  }

  #afterEscape(index: number): number {
    const body = this.#body;
    if (body[index + 1] !== 117 || ((body[index + 2] ?? 0) | 32) !== 100) return index + 2;
    const unit = this.#escapedUnit(index);
    if (unit >= 0xd800 && unit < 0xdc00) {
      const second = this.#escapedUnit(index + 6);
      if (second >= 0xdc00 && second < 0xe000) return index + 12;
    }
    if (unit >= 0xd800 && unit < 0xe000) this.#refuse("has half of a surrogate pair", index);
    return index + 6;
  }

  /** The code unit that the escape at `index` stands for; -1 when there is no such escape. */
  #escapedUnit(index: number): number {
    const body = this.#body;
    if (body[index] !== backslash || body[index + 1] !== 117) return -1;
    let unit = 0;
    for (let digit = index + 2; digit < index + 6; digit++) {
      const value = hexValue(body[digit] ?? 0);
      if (value < 0) return -1;
      unit = unit * 16 + value;
    }
    return unit;
  }

  #key(start: number, end: number): void {
    if (++this.#keys > this.#maxKeys) this.#refuse(`has more than ${this.#maxKeys} keys`, start);
    const first = this.#body[start] as number;
    if (this.#escaped || first === 95 || first === 99 || first === 112) {
      const length = end - start;
      // As they are, the three names have 9 or 11 bytes; with escapes up to six for each.
      const mayMatch = this.#escaped ? length <= 66 : length === 9 || length === 11;
      if (mayMatch) this.#prototypeKey(start, end);
    }
    if (this.#depth === 1) this.#topLevelKey(start, end);
    else this.#nestedKey(start, end);
  }

  /** Whoever has the parsed text can tell by its keys whether there are fewer of them. */
  #nestedKey(start: number, end: number): void {
    const body = this.#body;
    const depth = this.#depth;
    const middle = body[(start + end) >> 1] as number;
    const sum = (body[start] as number) * 5 + middle * 3 + (body[end - 1] as number);
    const mark = sum + (end - start) * 11;
    const bit = 1 << (mark & 31);
    const marks = (mark & 32) === 0 ? lowMarks : highMarks;
    const known = marks[depth & deepestMarks] as number;
    // An escape hides which key it is.
    if ((known & bit) !== 0 || this.#escaped) this.#mayRepeatKey = true;
    marks[depth & deepestMarks] = known | bit;
  }

  #prototypeKey(start: number, end: number): void {
    const name = readKey(this.#body, start, end, this.#escaped);
    if (name === "constructor") this.#enterConstructor(end);
    const within = name === "prototype" && this.#depth === this.#constructorDepth;
    if (name !== "__proto__" && !within) return;
    const problem = within ? "in a constructor" : "which is never accepted";
    this.#refuse(`has the key "${name}", ${problem}`, start, this.#path(name));
  }

  /** Its key ends at `end`; a value that is no object has no members. */
  #enterConstructor(end: number): void {
    const body = this.#body;
    let index = end + 1;
    while (isSpace(body[index]) || body[index] === colon) index++;
    if (body[index] !== openBrace) return;
    this.#outerConstructors ??= [];
    this.#outerConstructors.push(this.#constructorDepth);
    this.#constructorDepth = this.#depth + 1;
  }

  #leaveConstructor(): void {
    this.#constructorDepth = this.#outerConstructors?.pop() ?? -1;
  }

  #topLevelKey(start: number, end: number): void {
    const body = this.#body;
    if (this.#escaped) this.#escapedTopLevelKey = true;
    let hash = end - start;
    for (let index = start; index < end; index++) {
      hash = (Math.imul(hash, 31) + (body[index] as number)) | 0;
    }
    const count = this.#topCount;
    if (count >= maxTopLevelKeys) this.#refuse(`has more than ${maxTopLevelKeys} fields`, start);
    for (let other = 0; other < count; other++) {
      if (topHashes[other] === hash && this.#sameKey(other, start, end)) {
        const name = readKey(body, start, end, this.#escaped);
        this.#refuse("is given twice", start, name);
      }
    }
    topStarts[count] = start;
    topEnds[count] = end;
    topHashes[count] = hash;
    this.#topCount = count + 1;
    if (end - start === 5 && isModel(body, start)) {
      this.#modelStart = body.indexOf(colon, end) + 1;
    }
  }

  #sameKey(other: number, start: number, end: number): boolean {
    const otherStart = topStarts[other] as number;
    if ((topEnds[other] as number) - otherStart !== end - start) return false;
    for (let offset = 0; offset < end - start; offset++) {
      if (this.#body[otherStart + offset] !== this.#body[start + offset]) return false;
    }
    return true;
  }

  /** The top-level field in which the scan is, with the name of the offending key behind it. */
  #path(name: string): string {
    const last = this.#topCount - 1;
    if (this.#depth <= 1 || last < 0) return name;
    const [start, end] = [topStarts[last] as number, topEnds[last] as number];
    const top = readKey(this.#body, start, end, false).slice(0, 64);
    return `${top}.${this.#depth > 2 ? "…." : ""}${name}`;
  }

  #refuse(problem: string, position: number, field = ""): never {
    throw invalidBody(field, `${problem} (at byte ${position})`);
  }
}
