import { isSpace } from "../json-bytes.ts";
import { isDigit } from "../json-walker.ts";

const [comma, minus, point, zero, openBracket, closeBracket] = [44, 45, 46, 48, 91, 93];
const exponentMark = 101;
const caseBit = 32;
/** Numbers of so many digits before the point are far from the largest of four bytes. */
const maxWholeDigits = 38;

/** Numbers that were found. */
export interface ScannedNumbers {
  /** How many there are. */
  length: number;
}

/**
 * Counts the numbers of the list that begins at `start`, without making any of them; gives where it
 * ends. -1: it is empty or no list of numbers, or has one that may be too large for the numbers of
 * four bytes that vectors are made of, which only reading it tells.
 */
export function scanNumbers(body: Uint8Array, start: number, found: ScannedNumbers): number {
  if (body[start] !== openBracket) return -1;
  let at = start;
  let length = 0;
  for (;;) {
    at = endOfNumber(body, afterSpace(body, at + 1));
    if (at < 0) return -1;
    length += 1;
    at = afterSpace(body, at);
    if (body[at] === comma) continue;
    found.length = length;
    return body[at] === closeBracket ? at + 1 : -1;
  }
}

function afterSpace(body: Uint8Array, start: number): number {
  let at = start;
  while (isSpace(body[at] ?? 0)) at += 1;
  return at;
}

function endOfNumber(body: Uint8Array, start: number): number {
  const first = body[start] === minus ? start + 1 : start;
  let at = endOfDigits(body, first);
  const digits = at - first;
  if (digits === 0 || digits > maxWholeDigits || (digits > 1 && body[first] === zero)) return -1;
  if (body[at] === point) {
    const fraction = at + 1;
    at = endOfDigits(body, fraction);
    if (at === fraction) return -1;
  }
  if (((body[at] ?? 0) | caseBit) !== exponentMark) return at;
  // One that makes the number larger is rare in vectors.
  if (body[at + 1] !== minus) return -1;
  const exponent = at + 2;
  at = endOfDigits(body, exponent);
  return at === exponent ? -1 : at;
}

function endOfDigits(body: Uint8Array, start: number): number {
  let at = start;
  while (isDigit(body[at] ?? 0)) at += 1;
  return at;
}
