/** An empty list with room for so many: one that grows takes room for 17 at once. */
export function listOf<Item>(length: number): Item[] {
  // oxlint-disable-next-line unicorn/no-new-array
  return new Array<Item>(length);
}
