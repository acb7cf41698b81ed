import { clone, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConfigEntry, ConfigHead, Resource } from "@penstock/api";
import { ConfigEntrySchema, ConfigHeadSchema } from "@penstock/api";
import { configKey, headKey } from "@penstock/bus";
import { appendOutbox } from "@penstock/database";
import type { OutboxMessage } from "@penstock/database";
import type { Snapshot } from "@penstock/snapshot";
import { writeHead } from "../storage/installation-store.ts";
import type { PolicyTransaction } from "../storage/open-storage.ts";
import { deleteResources, writeResources } from "../storage/resource-store.ts";
import { schemaName } from "../storage/schema.ts";
import { forgetTombstones } from "../storage/tombstone-store.ts";
import type { EntryStamp } from "./compile-changes.ts";
import type { PlannedChange } from "./intent.ts";

/** Writes, deletes and remembers what was deleted. */
export async function storeChanges(
  trx: PolicyTransaction,
  changes: readonly PlannedChange[],
  revision: bigint,
  nowMs: number,
): Promise<void> {
  const written: Resource[] = [];
  const created: string[] = [];
  const deleted: string[] = [];
  for (const { name, change, after } of changes) {
    if (after === undefined) deleted.push(name);
    else if (change !== "unchanged") written.push(after.resource);
    if (change === "created") created.push(name);
  }
  await writeResources(trx, written);
  await forgetTombstones(trx, created);
  await deleteResources(trx, deleted, revision, nowMs);
}

/** The head of the next revision. */
export function nextHead(head: ConfigHead, next: Snapshot, stamp: EntryStamp): ConfigHead {
  const result = clone(ConfigHeadSchema, head);
  result.revision = stamp.revision;
  result.contentHash = next.contentHash;
  result.entryCount = BigInt(next.entryCount);
  result.commitTime = timestampFromMs(stamp.commitMs);
  result.traceparent = stamp.traceparent;
  return result;
}

/**
 * Writes the head and puts entries and head into the outbox. Entries first: whoever sees the head
 * has seen all that belongs to it.
 */
export async function publishLater(
  trx: PolicyTransaction,
  entries: readonly ConfigEntry[],
  head: ConfigHead,
): Promise<void> {
  await writeHead(trx, head);
  const id = `${head.epoch}.${head.revision}`;
  const { traceparent } = head;
  const messages: OutboxMessage[] = entries.map((entry) => ({
    id: `${id}.${entry.name}`,
    subject: configKey(entry.name),
    payload: toBinary(ConfigEntrySchema, entry),
    traceparent,
  }));
  const payload = toBinary(ConfigHeadSchema, head);
  messages.push({ id: `${id}.${headKey}`, subject: headKey, payload, traceparent });
  await appendOutbox(trx, schemaName, messages);
}
