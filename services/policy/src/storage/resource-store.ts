import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Resource } from "@penstock/api";
import { ResourceSchema } from "@penstock/api";
import { parseResourceName } from "@penstock/rpc";
import { sql } from "kysely";
import type { Insertable, Kysely } from "kysely";
import { openResource } from "../resources/kinds.ts";
import type { PolicyDatabase, PolicyTransaction } from "./open-storage.ts";
import type { PolicyTables, ResourceRow } from "./schema.ts";

/** Where a page of resources begins and what it holds. */
export interface ResourceQuery {
  /** Empty: all collections. */
  readonly collections: readonly string[];
  /** Resource name of the parent; undefined: any. */
  readonly parent?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Only names after this one; empty: from the start. */
  readonly after: string;
  readonly limit: number;
}

/** A stored resource and the exact bytes it is stored as. */
export interface ReadResource {
  readonly name: string;
  readonly revision: bigint;
  readonly updateMs: number;
  readonly sizeBytes: number;
  readonly resource: Resource;
}

// Eleven columns; far below the 65,535 parameters of one statement.
const rowsPerStatement = 1_000;

/** The resource of this name, or undefined. */
export async function readResource(
  db: PolicyDatabase,
  name: string,
): Promise<Resource | undefined> {
  const row = await db
    .selectFrom("resource")
    .select("body")
    .where("name", "=", name)
    .executeTakeFirst();
  return row === undefined ? undefined : fromBinary(ResourceSchema, row.body);
}

/** Resources by name. */
export async function listResources(
  db: Kysely<PolicyTables>,
  query: ResourceQuery,
): Promise<ReadResource[]> {
  let select = db
    .selectFrom("resource")
    .select(["name", "revision", "update_time", "body"])
    .where("name", ">", query.after)
    .orderBy("name")
    .limit(query.limit);
  if (query.collections.length > 0) select = select.where("collection", "in", query.collections);
  if (query.parent !== undefined) select = select.where("parent", "=", query.parent);
  if (Object.keys(query.labels).length > 0) {
    const labels = JSON.stringify(query.labels);
    select = select.where(sql<boolean>`labels @> ${labels}::jsonb`);
  }
  return (await select.execute()).map(toRead);
}

// Read in small portions, so that a page of the largest resources never stands in memory whole.
const rowsPerPortion = 100;

/** Like `listResources`, and ends early at `maxBytes`, but never before one resource. */
export async function readPage(
  db: Kysely<PolicyTables>,
  query: ResourceQuery,
  maxBytes: number,
): Promise<{ items: ReadResource[]; more: boolean }> {
  const items: ReadResource[] = [];
  let sizeBytes = 0;
  for (let after = query.after; ; after = items.at(-1)?.name ?? "") {
    // One more than the page holds tells whether there is another.
    const limit = Math.min(rowsPerPortion, query.limit + 1 - items.length);
    const portion = await listResources(db, { ...query, after, limit });
    for (const item of portion) {
      sizeBytes += item.sizeBytes;
      const full = items.length === query.limit || (items.length > 0 && sizeBytes > maxBytes);
      if (full) return { items, more: true };
      items.push(item);
    }
    if (portion.length < limit) return { items, more: false };
  }
}

/** What was written after a revision, for a replica that has everything up to it. */
export async function listChangedSince(
  trx: PolicyTransaction,
  revision: bigint,
): Promise<{ changed: ReadResource[]; deleted: { name: string; revision: bigint }[] }> {
  const changed = await trx
    .selectFrom("resource")
    .select(["name", "revision", "update_time", "body"])
    .where("revision", ">", revision)
    .execute();
  const deleted = await trx
    .selectFrom("tombstone")
    .select(["name", "revision"])
    .where("revision", ">", revision)
    .execute();
  return { changed: changed.map(toRead), deleted };
}

/** Writes resources as they are. */
export async function writeResources(
  trx: PolicyTransaction,
  resources: readonly Resource[],
): Promise<void> {
  for (let start = 0; start < resources.length; start += rowsPerStatement) {
    const rows = resources.slice(start, start + rowsPerStatement).map(toRow);
    await trx
      .insertInto("resource")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("name").doUpdateSet((eb) => ({
          uid: eb.ref("excluded.uid"),
          revision: eb.ref("excluded.revision"),
          etag: eb.ref("excluded.etag"),
          labels: eb.ref("excluded.labels"),
          body: eb.ref("excluded.body"),
          create_time: eb.ref("excluded.create_time"),
          update_time: eb.ref("excluded.update_time"),
        })),
      )
      .execute();
  }
}

/** Deletes resources and remembers that their keys are to leave the bucket later. */
export async function deleteResources(
  trx: PolicyTransaction,
  names: readonly string[],
  revision: bigint,
  deleteMs: number,
): Promise<void> {
  for (let start = 0; start < names.length; start += rowsPerStatement) {
    const part = names.slice(start, start + rowsPerStatement);
    await trx.deleteFrom("resource").where("name", "in", part).execute();
    const delete_time = new Date(deleteMs);
    await trx
      .insertInto("tombstone")
      .values(part.map((name) => ({ name, revision, delete_time })))
      .onConflict((conflict) => conflict.column("name").doUpdateSet({ revision, delete_time }))
      .execute();
  }
}

function toRead(
  row: Pick<ResourceRow, "name" | "revision" | "update_time" | "body">,
): ReadResource {
  const { name, revision, body } = row;
  return {
    name,
    revision,
    updateMs: row.update_time.getTime(),
    sizeBytes: body.length,
    resource: fromBinary(ResourceSchema, body),
  };
}

function toRow(resource: Resource): Insertable<ResourceRow> {
  const { kind, message } = openResource(resource);
  const name = parseResourceName(message.name);
  const { createTime, updateTime } = message;
  if (name === undefined || createTime === undefined || updateTime === undefined) {
    throw new TypeError("a resource without name or times was to be stored");
  }
  return {
    name: message.name,
    collection: kind.collection,
    parent: name.project === undefined ? "" : `projects/${name.project}`,
    uid: message.uid,
    revision: message.revision,
    etag: message.etag,
    labels: JSON.stringify(message.labels),
    body: toBinary(ResourceSchema, resource),
    create_time: new Date(timestampMs(createTime)),
    update_time: new Date(timestampMs(updateTime)),
  };
}
