import type { LayeredMap, MapDraft } from "./layered-map.ts";

/** How items are put into sorted lists. */
export interface Grouping<Item> {
  /** Names of the lists that hold the item. */
  groupsOf(item: Item): readonly string[];
  compare(first: Item, second: Item): number;
}

/**
 * The lists after some items changed. Only lists that held or hold a changed item are made anew;
 * all others stay the very same arrays, so that whoever keeps them sees that nothing changed.
 */
export function regroup<Item extends { readonly name: string }>(
  lists: LayeredMap<readonly Item[]>,
  items: MapDraft<Item>,
  grouping: Grouping<NoInfer<Item>>,
): LayeredMap<readonly Item[]> {
  const changedNames = new Set<string>();
  const additions = new Map<string, Item[]>();
  for (const { key, before, after } of items.differences()) {
    changedNames.add(key);
    for (const group of before === undefined ? [] : grouping.groupsOf(before)) {
      additions.getOrInsertComputed(group, () => []);
    }
    for (const group of after === undefined ? [] : grouping.groupsOf(after)) {
      additions.getOrInsertComputed(group, () => []).push(after as Item);
    }
  }
  const changedLists = new Map<string, readonly Item[] | undefined>();
  for (const [group, added] of additions) {
    const kept = (lists.get(group) ?? []).filter(({ name }) => !changedNames.has(name));
    const list = [...kept, ...added].sort(grouping.compare);
    changedLists.set(group, list.length === 0 ? undefined : list);
  }
  return lists.with(changedLists);
}
