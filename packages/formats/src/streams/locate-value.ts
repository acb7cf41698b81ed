import type { TextRange } from "../format.ts";
import { findMember } from "./find-member.ts";

/** Names of members, from the outside in; `only`: the one element of a list. */
export type ValuePath = readonly (string | typeof only)[];

/** The one element of a list. */
export const only = Symbol("only");

/**
 * Where the value that a path leads to stands in a text that is known to be JSON, without the white
 * space around it; undefined where it leads nowhere, or is unusual on the way: see `findMember`.
 */
export function locateValue(text: string, path: ValuePath): TextRange | undefined {
  let range: TextRange = { start: 0, end: text.length };
  for (const step of path) {
    const inner = step === only ? insideOfList(text, range) : findMember(text, range, step);
    if (inner === undefined) return undefined;
    range = inner;
  }
  return range;
}

/** What stands between the brackets of a list; that it is one object, the next step sees. */
function insideOfList(text: string, { start, end }: TextRange): TextRange | undefined {
  if (text[start] !== "[" || text[end - 1] !== "]") return undefined;
  return { start: start + 1, end: end - 1 };
}

/** The text of the string at a place, its quotes left out; undefined: there is no string. */
export function stringAt(text: string, path: ValuePath): TextRange | undefined {
  const found = locateValue(text, path);
  if (found === undefined || text[found.start] !== '"') return undefined;
  return { start: found.start + 1, end: found.end - 1 };
}
