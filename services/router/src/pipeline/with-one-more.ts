/**
 * The list with one more; a new one where it was empty. One that is made with its only element has
 * room for it, one that grows has room for 17 at once.
 */
export function withOneMore<Item>(list: Item[], item: Item): Item[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}
