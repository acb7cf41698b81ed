import { compareText } from "./match.ts";
import type { Snapshot } from "./snapshot.ts";

/** Names of the resources whose form in use differs between two snapshots, in order. */
export interface SnapshotDifference {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/**
 * What changed from one snapshot to the next, for logs and for carrying state over. Goes through
 * all resources: about a millisecond for every 10,000.
 */
export function diffSnapshots(previous: Snapshot | undefined, next: Snapshot): SnapshotDifference {
  const added: string[] = [];
  const changed: string[] = [];
  const removed: string[] = [];
  for (const [name, { resource }] of next.resources) {
    const before = previous?.resources.get(name);
    if (before === undefined) added.push(name);
    else if (before.resource !== resource) changed.push(name);
  }
  for (const name of previous?.resources.keys() ?? []) {
    if (!next.resources.has(name)) removed.push(name);
  }
  return {
    added: added.sort(compareText),
    changed: changed.sort(compareText),
    removed: removed.sort(compareText),
  };
}
