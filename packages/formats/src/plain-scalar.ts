import { isDigit, keyBytes, type JsonWalker } from "./json-walker.ts";

const [quote, point, zero, letterT] = [34, 46, 48, 116];
const [yes, no] = [keyBytes("true"), keyBytes("false")];
/** Characters of a number all of whose digits fit a double, as does the power of ten below it. */
const surelyExactLength = 15;

/**
 * Where a text, a number, `true` or `false` ends that is written as nearly all are: without an escape
 * by number, without a sign or exponent and with few digits; -1 for whatever else begins there.
 */
export function endOfScalar(walker: JsonWalker, start: number): number {
  const code = walker.at(start);
  if (code === quote) return walker.endOfText(start);
  if (isDigit(code)) return endOfNumber(walker, start);
  if (walker.spells(start, yes)) return start + yes.length;
  return walker.spells(start, no) ? start + no.length : -1;
}

/** The value up to `end`, which `endOfScalar` has found; undefined where an escape is none. */
export function scalarAt(walker: JsonWalker, start: number, end: number): unknown {
  const code = walker.at(start);
  if (code === quote) return walker.textAt(start, end);
  return isDigit(code) ? numberAt(walker, start, end) : code === letterT;
}

/** Whatever may not follow a number is found by who goes on from there. */
function endOfNumber(walker: JsonWalker, start: number): number {
  let end = endOfDigits(walker, start);
  if (end > start + 1 && walker.at(start) === zero) return -1;
  if (walker.at(end) === point) {
    const first = end + 1;
    end = endOfDigits(walker, first);
    if (end === first) return -1;
  }
  return end - start <= surelyExactLength ? end : -1;
}

function endOfDigits(walker: JsonWalker, start: number): number {
  let end = start;
  while (isDigit(walker.at(end))) end += 1;
  return end;
}

function numberAt(walker: JsonWalker, start: number, end: number): number {
  let digits = 0;
  let divisor = 0;
  for (let at = start; at < end; at += 1) {
    const code = walker.at(at);
    if (code === point) divisor = 1;
    else {
      digits = digits * 10 + code - zero;
      divisor *= 10;
    }
  }
  // Both are exact, so that their quotient is the double next to what is written.
  return divisor === 0 ? digits : digits / divisor;
}
