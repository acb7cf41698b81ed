import type { TextRange } from "../format.ts";

/**
 * What may stand at a place of an event that is not the same in all of a shape. `value`: the text
 * of a JSON string that is wanted, one in each shape. `text`: that of any other string. `count`: a
 * whole number above zero. `spaces`: none or more. `mark`: what is the same after all, but whose
 * place is asked for.
 */
export type HoleKind = "value" | "text" | "count" | "spaces" | "mark";

/** A place in the text of an event; the quotes of a string are outside of it. */
export interface Hole extends TextRange {
  kind: HoleKind;
}

const [quote, backslash, space, zero, nine, lowerU] = [34, 92, 32, 48, 57, 117];
/** Of a number that surely fits a double. */
const maxCountLength = 15;
/** What is longer is looked over as a whole before it is parsed. Unit: characters. */
const maxEventLength = 65_536;
const simpleEscapes = '"\\/bfnrt';

/**
 * The shape of an event of a stream: events that differ from the one it was made of only in its
 * holes are known at sight, without being parsed, since JSON with another string in the place of
 * a string is the same JSON but for that string. What was found stands in the members until the
 * next match.
 */
export class EventShape<Meaning> {
  /** What such an event means, but for its value. */
  readonly meaning: Meaning;
  readonly #literals: string[] = [];
  readonly #kinds: HoleKind[] = [];
  /** Text of the mark; empty: there is none. */
  readonly mark: string;
  /** Behind the event. */
  end = 0;
  /** Where the mark stands; -1: the shape has none. */
  markStart = -1;
  #valueStart = 0;
  #valueEnd = 0;
  #escaped = false;

  /** `text` is an event with its blank line; the holes are in order, and none touches another. */
  constructor(text: string, holes: readonly Hole[], meaning: Meaning) {
    this.meaning = meaning;
    let from = 0;
    let mark = "";
    for (const { kind, start, end } of holes) {
      this.#literals.push(text.slice(from, start));
      this.#kinds.push(kind);
      if (kind === "mark") mark = text.slice(start, end);
      from = end;
    }
    this.#literals.push(text.slice(from));
    this.mark = mark;
  }

  /** Whether an event of this shape stands at `at`, as a whole. */
  match(text: string, at: number): boolean {
    const literals = this.#literals;
    const kinds = this.#kinds;
    let index = at;
    for (let number = 0; number < kinds.length; number += 1) {
      const literal = literals[number] as string;
      if (!standsAt(text, index, literal)) return false;
      index = this.#endOfHole(kinds[number] as HoleKind, text, index + literal.length);
      if (index < 0) return false;
    }
    const last = literals[kinds.length] as string;
    if (!standsAt(text, index, last)) return false;
    this.end = index + last.length;
    return this.end - at <= maxEventLength;
  }

  /** The value of the event that was matched in this text. */
  valueIn(text: string): string {
    if (!this.#escaped) return text.slice(this.#valueStart, this.#valueEnd);
    return JSON.parse(text.slice(this.#valueStart - 1, this.#valueEnd + 1)) as string;
  }

  #endOfHole(kind: HoleKind, text: string, start: number): number {
    switch (kind) {
      case "value":
        this.#valueStart = start;
        this.#valueEnd = endOfString(text, start);
        this.#escaped = hasEscape;
        return this.#valueEnd;
      case "text":
        return endOfString(text, start);
      case "count":
        return endOfCount(text, start);
      case "spaces": {
        let end = start;
        while (text.charCodeAt(end) === space) end += 1;
        return end;
      }
      case "mark":
        this.markStart = start;
        return standsAt(text, start, this.mark) ? start + this.mark.length : -1;
    }
  }
}

/** Like `startsWith`, which compares one by one what this compares at once. */
function standsAt(text: string, index: number, literal: string): boolean {
  return text.slice(index, index + literal.length) === literal;
}

/** Adds a hole where there is a place for it; the holes stay in order. */
export function addHole(holes: Hole[], kind: HoleKind, place: TextRange | undefined): void {
  if (place === undefined) return;
  const { start, end } = place;
  let index = holes.length;
  while (index > 0 && (holes[index - 1] as Hole).start > start) index -= 1;
  holes.splice(index, 0, { kind, start, end });
}

/**
 * The shape of an event: its lines up to the data, which is one line, and the holes in the data, in
 * order; they are moved. Undefined where the data has several lines.
 */
export function shapeOfEvent<Meaning>(
  opening: string,
  data: string,
  holes: readonly Hole[],
  meaning: Meaning,
): EventShape<Meaning> | undefined {
  if (data.includes("\n")) return undefined;
  for (const hole of holes) {
    hole.start += opening.length;
    hole.end += opening.length;
  }
  return new EventShape(`${opening}${data}\n\n`, holes, meaning);
}

/** Whether the string that `endOfString` went over last has escapes. */
let hasEscape = false;

/** Position of the quote that ends a JSON string; -1 where the text is none. */
function endOfString(text: string, start: number): number {
  hasEscape = false;
  for (let index = start; ; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) return index;
    // Control characters, and NaN behind the end of the text.
    if (!(code >= space)) return -1;
    if (code === backslash) {
      hasEscape = true;
      index = endOfEscape(text, index + 1);
      if (index < 0) return -1;
    }
  }
}

/** Position of the last character of an escape; -1 where JSON has no such escape. */
function endOfEscape(text: string, index: number): number {
  if (index >= text.length) return -1;
  if (text.charCodeAt(index) !== lowerU) {
    return simpleEscapes.includes(text.charAt(index)) ? index : -1;
  }
  for (let digit = 1; digit <= 4; digit += 1) {
    if (!isHexDigit(text.charCodeAt(index + digit))) return -1;
  }
  return index + 4;
}

function isHexDigit(code: number): boolean {
  if (code >= zero && code <= nine) return true;
  const lower = code | 32;
  return lower >= 97 && lower <= 102;
}

/** Position behind a whole number above zero as JSON writes it; -1 where there is none. */
function endOfCount(text: string, start: number): number {
  let end = start;
  for (; end - start <= maxCountLength; end += 1) {
    const code = text.charCodeAt(end);
    if (!(code >= zero && code <= nine)) break;
  }
  const length = end - start;
  if (length === 0 || length > maxCountLength) return -1;
  return text.charCodeAt(start) === zero ? -1 : end;
}
