import fc from "fast-check";

/** What becomes of one byte on its way. */
export interface Change {
  readonly at: number;
  readonly kind: "flip" | "drop" | "double";
  readonly byte: number;
}

/** A few changes to so many bytes. */
export function mutations(length: number): fc.Arbitrary<Change[]> {
  const change = fc.record({
    at: fc.nat(Math.max(0, length - 1)),
    kind: fc.constantFrom("flip" as const, "drop" as const, "double" as const),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 8 });
}

/** The bytes after these changes. */
export function mutated(bytes: Uint8Array, changes: readonly Change[]): Uint8Array {
  const list = [...bytes];
  for (const { at, kind, byte } of changes) {
    if (kind === "flip") list[at % list.length] = byte;
    else list.splice(at % list.length, kind === "drop" ? 1 : 0, ...(kind === "drop" ? [] : [byte]));
  }
  return Uint8Array.from(list);
}

/** The bytes in pieces of these sizes, in turn. */
export function* splitBy(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
