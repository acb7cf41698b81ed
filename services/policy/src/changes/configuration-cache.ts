import { create } from "@bufbuild/protobuf";
import type { ConfigHead } from "@penstock/api";
import { ConfigEntrySchema } from "@penstock/api";
import type { ConfigEntry } from "@penstock/api";
import type { Logger } from "@penstock/observability";
import type { Snapshot } from "@penstock/snapshot";
import type { PolicyTransaction } from "../storage/open-storage.ts";
import { listChangedSince, listResources } from "../storage/resource-store.ts";
import { compileEntries } from "./compile-changes.ts";
import type { PlannedChange } from "./intent.ts";
import { ResourceTable } from "./resource-table.ts";

/** The configuration at one revision, in the two forms that planning needs. */
export interface Configuration {
  readonly table: ResourceTable;
  readonly snapshot: Snapshot;
}

const rowsPerPage = 1_000;

/**
 * The configuration in memory, so that a write need not read all of it. The database is the
 * truth: before every use the cache is compared with the locked head, brought up to it by what
 * other replicas wrote, and thrown away when the content hashes then differ.
 */
export class ConfigurationCache {
  readonly #logger: Logger;
  #cached: Configuration | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The configuration at `head`, whose lock the transaction holds. */
  async at(trx: PolicyTransaction, head: ConfigHead): Promise<Configuration> {
    const cached = this.#cached;
    if (cached !== undefined && isOf(cached.snapshot, head)) return cached;
    // Until the new one is whole there is none: a failure in between must not leave a torn one.
    this.#cached = undefined;
    const caughtUp = cached === undefined ? undefined : await catchUp(trx, cached, head);
    const configuration = caughtUp ?? (await load(trx, head));
    if (!sameBytes(configuration.snapshot.contentHash, head.contentHash)) {
      this.#logger.error("the stored content hash is not that of the stored resources", {
        revision: head.revision,
      });
    }
    this.#cached = configuration;
    return configuration;
  }

  /** Takes over what was committed. */
  commit(configuration: Configuration, changes: readonly PlannedChange[], next: Snapshot): void {
    if (this.#cached !== configuration) return;
    for (const { name, change, after } of changes) {
      if (after === undefined) configuration.table.remove(name);
      else if (change !== "unchanged") configuration.table.put(after.resource);
    }
    this.#cached = { table: configuration.table, snapshot: next };
  }
}

function isOf(snapshot: Snapshot, head: ConfigHead): boolean {
  return (
    snapshot.epoch === head.epoch &&
    snapshot.revision === head.revision &&
    sameBytes(snapshot.contentHash, head.contentHash)
  );
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

async function catchUp(
  trx: PolicyTransaction,
  { table, snapshot }: Configuration,
  head: ConfigHead,
): Promise<Configuration | undefined> {
  if (snapshot.epoch !== head.epoch || snapshot.revision > head.revision) return undefined;
  const { changed, deleted } = await listChangedSince(trx, snapshot.revision);
  for (const { name } of deleted) table.remove(name);
  for (const { resource } of changed) table.put(resource);
  const entries = [
    ...deleted.map((tombstone) => create(ConfigEntrySchema, tombstone)),
    ...changed.map(({ name, revision, resource }) =>
      create(ConfigEntrySchema, { name, revision, resource }),
    ),
  ];
  const next = compileEntries(snapshot, entries, head);
  return isOf(next, head) ? { table, snapshot: next } : undefined;
}

async function load(trx: PolicyTransaction, head: ConfigHead): Promise<Configuration> {
  const table = new ResourceTable();
  const entries: ConfigEntry[] = [];
  for (let after = ""; ; after = entries.at(-1)?.name ?? "") {
    const page = await listResources(trx, {
      collections: [],
      labels: {},
      after,
      limit: rowsPerPage,
    });
    for (const { name, revision, resource } of page) {
      table.put(resource);
      entries.push(create(ConfigEntrySchema, { name, revision, resource }));
    }
    if (page.length < rowsPerPage) break;
  }
  return { table, snapshot: compileEntries(undefined, entries, head) };
}
