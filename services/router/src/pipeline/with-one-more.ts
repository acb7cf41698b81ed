/**
 * A new list with one more. One that is made with its only element has room for it, one that grows
 * has room for 17 at once.
 */
export function withOneMore<Item>(list: readonly Item[], item: Item): readonly Item[] {
  return list.length === 0 ? [item] : [...list, item];
}
