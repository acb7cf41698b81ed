import { keyBytes, type JsonWalker } from "./json-walker.ts";

/** A field that a plain reading knows. */
export interface PlainField<Read> {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** One bit of its own among those of its body. */
  readonly bit: number;
  /** What becomes of its value. */
  readonly read: Read;
}

/** The fields of a body by the length of their names; at most 31. */
export type PlainFields<Read> = readonly (readonly PlainField<Read>[] | undefined)[];

/** Lays out fields for `plainField`. */
export function plainFields<Read>(readers: Readonly<Record<string, Read>>): PlainFields<Read> {
  const byLength: PlainField<Read>[][] = [];
  let bit = 1;
  for (const [name, read] of Object.entries(readers)) {
    (byLength[name.length] ??= []).push({ name, bytes: keyBytes(name), bit, read });
    bit <<= 1;
  }
  // Without holes, so that every length up to the longest has an entry.
  return Array.from(byLength);
}

/** The field whose name the present member has; undefined: none of them. */
export function plainField<Read>(
  walker: JsonWalker,
  fields: PlainFields<Read>,
): PlainField<Read> | undefined {
  const ofLength = fields[walker.keyLength];
  if (ofLength === undefined) return undefined;
  for (const field of ofLength) if (walker.isKey(field.bytes)) return field;
  return undefined;
}
