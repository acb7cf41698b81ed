import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConfigHead } from "@penstock/api";
import { ConfigEntrySchema, ConfigHeadSchema } from "@penstock/api";
import type { BucketEntry, ConfigBucket } from "@penstock/bus";
import { configKey, headKey, resourceNameOfKey } from "@penstock/bus";
import { appendOutbox, discardOutbox, inTransaction } from "@penstock/database";
import type { OutboxMessage } from "@penstock/database";
import { lockHead, readHead, writeHead } from "../storage/installation-store.ts";
import type { PolicyDatabase, PolicyTransaction } from "../storage/open-storage.ts";
import { listResources } from "../storage/resource-store.ts";
import { schemaName } from "../storage/schema.ts";
import { addTombstones } from "../storage/tombstone-store.ts";
import { readBusHead, refuseForeignHead } from "./bus-head.ts";

/** What a look at the bus led to. */
export type Reconciliation =
  | { readonly action: "none" }
  | { readonly action: "republish"; readonly entries: number }
  | { readonly action: "raise-epoch"; readonly entries: number; readonly epoch: bigint };

const rowsPerPage = 1_000;
/** Of the ids of what is published anew. */
const republishPrefix = "republish.";

/**
 * Compares the bus with the database and puts what differs into the outbox, so that it is
 * published in order with everything else:
 *   same head                         nothing to do
 *   no head, or an older one          what is missing or old is published (a memory bus is always
 *                                     empty after a start)
 *   a newer one, or another content   the database was restored from a backup: the epoch is
 *   at the same revision              raised, which every follower obeys, and all is published
 *
 * The bus is read before the database: it never knows more than what was committed, unless the
 * database was restored.
 *
 * @throws GatewayError FAILED_PRECONDITION when the bus serves another installation.
 */
export async function reconcileBus(
  db: PolicyDatabase,
  bucket: ConfigBucket,
): Promise<Reconciliation> {
  const busHead = await readBusHead(bucket);
  if (busHead !== undefined && sameHead(busHead, await readHead(db))) return { action: "none" };
  const entries = await bucket.list();
  return await inTransaction(db, async (trx) => {
    const head = await lockHead(trx);
    refuseForeignHead(busHead, head.installationId);
    if (busHead !== undefined && sameHead(busHead, head)) return { action: "none" };
    const restored = busHead !== undefined && wasRestored(busHead, head);
    if (restored) {
      head.epoch = busHead.epoch + 1n;
      await writeHead(trx, head);
    }
    // What waits of the last time is all in this one: where nothing passes it would pile up. Not
    // so where an epoch was raised, as what the bus has of the one before does not count.
    if (busHead === undefined || busHead.epoch === head.epoch) {
      await discardOutbox(trx, schemaName, republishPrefix);
    }
    const count = await republish(trx, head, restored ? [] : entries, entries);
    if (!restored) return { action: "republish", entries: count };
    return { action: "raise-epoch", entries: count, epoch: head.epoch };
  });
}

function sameHead(bus: ConfigHead, stored: ConfigHead): boolean {
  return (
    bus.installationId === stored.installationId &&
    bus.epoch === stored.epoch &&
    bus.revision === stored.revision &&
    sameContent(bus, stored)
  );
}

function sameContent(bus: ConfigHead, stored: ConfigHead): boolean {
  return Buffer.compare(bus.contentHash, stored.contentHash) === 0;
}

function wasRestored(bus: ConfigHead, stored: ConfigHead): boolean {
  if (bus.epoch !== stored.epoch) return bus.epoch > stored.epoch;
  if (bus.revision !== stored.revision) return bus.revision > stored.revision;
  return !sameContent(bus, stored);
}

/** `upToDate`: entries of the bus that count when their revision is the stored one. */
async function republish(
  trx: PolicyTransaction,
  head: ConfigHead,
  upToDate: readonly BucketEntry[],
  present: readonly BucketEntry[],
): Promise<number> {
  const revisions = new Map(upToDate.map((entry) => [entry.key, revisionOf(entry)]));
  const orphans = new Map(present.map((entry) => [entry.key, entry]));
  const id = `${republishPrefix}${head.epoch}.${head.revision}`;
  let count = 0;
  for (let after = ""; ;) {
    const page = await listResources(trx, {
      collections: [],
      labels: {},
      after,
      limit: rowsPerPage,
    });
    const messages: OutboxMessage[] = [];
    for (const { name, revision, updateMs, resource } of page) {
      const subject = configKey(name);
      orphans.delete(subject);
      if (revisions.get(subject) === revision) continue;
      const commitTime = timestampFromMs(updateMs);
      const entry = create(ConfigEntrySchema, { name, revision, resource, commitTime });
      const payload = toBinary(ConfigEntrySchema, entry);
      messages.push({ id: `${id}.${name}`, subject, payload });
    }
    await appendOutbox(trx, schemaName, messages);
    count += messages.length;
    if (page.length < rowsPerPage) break;
    after = page.at(-1)?.name ?? "";
  }
  const names = [...orphans.keys()].map(resourceNameOfKey).filter((name) => name !== undefined);
  await addTombstones(trx, names, head.revision);
  const live = [...orphans.values()].filter(isLive);
  const gone = live.map(({ key }) => deletion(key, id, head.revision));
  const payload = toBinary(ConfigHeadSchema, head);
  const last = { id: `${id}.${headKey}`, subject: headKey, payload };
  await appendOutbox(trx, schemaName, [...gone, last]);
  return count + gone.length;
}

function deletion(subject: string, id: string, revision: bigint): OutboxMessage {
  const name = resourceNameOfKey(subject) ?? "";
  const payload = toBinary(ConfigEntrySchema, create(ConfigEntrySchema, { name, revision }));
  return { id: `${id}.${subject}`, subject, payload };
}

function revisionOf({ value }: BucketEntry): bigint | undefined {
  return readEntry(value)?.revision;
}

/** True for entries that hold a resource; tombstones need no further deletion. */
function isLive({ key, value }: BucketEntry): boolean {
  if (resourceNameOfKey(key) === undefined) return false;
  const entry = readEntry(value);
  return entry === undefined || entry.resource !== undefined;
}

function readEntry(value: Uint8Array) {
  try {
    return fromBinary(ConfigEntrySchema, value);
  } catch {
    return undefined;
  }
}
