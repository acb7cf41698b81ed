import type { TextRange } from "../format.ts";
import { afterSpace, endOfString } from "../json-text.ts";

const [quote, backslash, colon, comma] = [34, 92, 58, 44];
const [openBrace, closeBrace, openBracket, closeBracket] = [123, 125, 91, 93];

/**
 * Where the value of an object's own member stands in a text that is known to be JSON, white space
 * around it excluded. Undefined: the range is not one object, none of its members or more than one
 * has this name, or a name has an escape, so that it might be this one.
 */
export function findMember(
  text: string,
  { start, end }: TextRange,
  name: string,
): TextRange | undefined {
  let at = afterSpace(text, start);
  if (text.charCodeAt(at) !== openBrace) return undefined;
  let found: TextRange | undefined;
  do {
    const key = afterSpace(text, at + 1);
    const keyEnd = endOfKey(text, key);
    const valueStart = afterSpace(text, afterSpace(text, keyEnd + 1) + 1);
    const valueEnd = keyEnd < 0 ? -1 : endOfValue(text, valueStart);
    if (valueEnd < 0) return undefined;
    if (keyEnd - key - 1 === name.length && text.startsWith(name, key + 1)) {
      if (found !== undefined) return undefined;
      found = { start: valueStart, end: valueEnd };
    }
    at = afterSpace(text, valueEnd);
  } while (text.charCodeAt(at) === comma);
  if (text.charCodeAt(at) !== closeBrace || afterSpace(text, at + 1) < end) return undefined;
  return found;
}

/** Position of the quote that ends the key at `start`; -1: there is none, or it has an escape. */
function endOfKey(text: string, start: number): number {
  if (text.charCodeAt(start) !== quote) return -1;
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) return text.charCodeAt(afterSpace(text, at + 1)) === colon ? at : -1;
    if (code === backslash) return -1;
  }
  return -1;
}

/** Position behind the value at `start`; -1: it has no end. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at + 1);
      if (at < 0) return -1;
    } else if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) {
      // What ends a number or a word is not part of it.
      if (depth === 0) return at;
      depth -= 1;
    } else if (depth === 0 && (code === comma || code <= 32)) return at;
    else continue;
    if (depth === 0) return at + 1;
  }
  return -1;
}
