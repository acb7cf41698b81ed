import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { ConfigHead } from "@penstock/api";
import { ConfigHeadSchema } from "@penstock/api";
import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { PolicyTransaction } from "./open-storage.ts";
import type { PolicyTables } from "./schema.ts";

/** Version of this build, written into every head. */
export const writerVersion = "0.1.0";

/**
 * Reads the head and holds its lock until the transaction ends: that is what makes the revisions
 * one sequence without gaps. Other replicas write for milliseconds, so two seconds are patience.
 */
export async function lockHead(trx: PolicyTransaction): Promise<ConfigHead> {
  await sql`set local lock_timeout = '2s'`.execute(trx);
  const row = await trx
    .selectFrom("installation")
    .selectAll()
    .forUpdate()
    .executeTakeFirstOrThrow();
  return toHead(row);
}

/** The head as last committed. */
export async function readHead(db: Kysely<PolicyTables>): Promise<ConfigHead> {
  return toHead(await db.selectFrom("installation").selectAll().executeTakeFirstOrThrow());
}

/** The newest revision. */
export async function readRevision(db: Kysely<PolicyTables>): Promise<bigint> {
  const row = await db.selectFrom("installation").select("revision").executeTakeFirstOrThrow();
  return row.revision;
}

/** Writes the head; call with its lock held. */
export async function writeHead(trx: PolicyTransaction, head: ConfigHead): Promise<void> {
  await trx
    .updateTable("installation")
    .set({
      epoch: head.epoch,
      revision: head.revision,
      content_hash: head.contentHash,
      entry_count: head.entryCount,
      commit_time: new Date(head.commitTime === undefined ? 0 : timestampMs(head.commitTime)),
      traceparent: head.traceparent,
    })
    .execute();
}

interface StoredHead {
  installation_id: string;
  epoch: bigint;
  revision: bigint;
  content_hash: Uint8Array;
  entry_count: bigint;
  commit_time: Date;
  traceparent: string;
}

function toHead(row: StoredHead): ConfigHead {
  return create(ConfigHeadSchema, {
    installationId: row.installation_id,
    epoch: row.epoch,
    revision: row.revision,
    contentHash: new Uint8Array(row.content_hash),
    entryCount: row.entry_count,
    commitTime: timestampFromMs(row.commit_time.getTime()),
    traceparent: row.traceparent,
    writerVersion,
  });
}
