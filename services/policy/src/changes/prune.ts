import type { DeleteIntent } from "./intent.ts";
import type { ResourceView } from "./resource-table.ts";

/** Deletions of every resource that carries all of the labels and is not listed. */
export function pruneIntents(
  view: ResourceView,
  labels: Readonly<Record<string, string>>,
  listed: ReadonlySet<string>,
): DeleteIntent[] {
  const wanted = Object.entries(labels);
  if (wanted.length === 0) return [];
  const intents: DeleteIntent[] = [];
  for (const { message } of view.values()) {
    if (listed.has(message.name)) continue;
    if (!wanted.every(([key, value]) => message.labels[key] === value)) continue;
    const { name } = message;
    intents.push({ type: "delete", field: "prune_labels", name, etag: "", single: false });
  }
  return intents.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}
