import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { AuditEvent } from "@penstock/api";
import { AuditEventSchema } from "@penstock/api";
import { sql } from "kysely";
import type { PolicyDatabase, PolicyTransaction } from "./open-storage.ts";

/** A place in the audit log, newest first. */
export interface AuditCursor {
  readonly revision: bigint;
  readonly id: string;
}

const rowsPerStatement = 1_000;

/** Appends; nothing in the service changes or deletes audit events. */
export async function appendAuditEvents(
  trx: PolicyTransaction,
  events: readonly AuditEvent[],
): Promise<void> {
  for (let start = 0; start < events.length; start += rowsPerStatement) {
    const rows = events.slice(start, start + rowsPerStatement).map((event) => ({
      id: event.id,
      time: new Date(event.time === undefined ? 0 : timestampMs(event.time)),
      actor: event.actor,
      method: event.method,
      resource: event.resource,
      revision: event.revision,
      request_id: event.requestId,
      before_json: event.beforeJson,
      after_json: event.afterJson,
      reason: event.reason,
    }));
    await trx.insertInto("audit_event").values(rows).execute();
  }
}

// An event may be twice as large as a resource, so few are read at a time.
const rowsPerPortion = 50;

/**
 * Events of one resource, or of all when `resource` is empty, after the cursor: at most `limit`,
 * and none beyond `maxBytes` of JSON but the first. `more` says whether there are others.
 */
export async function listAuditEvents(
  db: PolicyDatabase,
  query: { readonly resource: string; readonly after: AuditCursor | undefined },
  { limit, maxBytes }: { readonly limit: number; readonly maxBytes: number },
): Promise<{ events: AuditEvent[]; more: boolean }> {
  const events: AuditEvent[] = [];
  let size = 0;
  for (let { after } = query; ; after = events.at(-1)) {
    const wanted = Math.min(rowsPerPortion, limit + 1 - events.length);
    const portion = await readPortion(db, query.resource, after, wanted);
    for (const event of portion) {
      size += event.beforeJson.length + event.afterJson.length;
      const full = events.length === limit || (events.length > 0 && size > maxBytes);
      if (full) return { events, more: true };
      events.push(event);
    }
    if (portion.length < wanted) return { events, more: false };
  }
}

async function readPortion(
  db: PolicyDatabase,
  resource: string,
  after: AuditCursor | undefined,
  limit: number,
): Promise<AuditEvent[]> {
  let select = db
    .selectFrom("audit_event")
    .selectAll()
    .orderBy("revision", "desc")
    .orderBy("id", "desc")
    .limit(limit);
  if (resource !== "") select = select.where("resource", "=", resource);
  if (after !== undefined) {
    select = select.where(sql<boolean>`(revision, id) < (${after.revision}, ${after.id})`);
  }
  return (await select.execute()).map((row) =>
    create(AuditEventSchema, {
      id: row.id,
      time: timestampFromMs(row.time.getTime()),
      actor: row.actor,
      method: row.method,
      resource: row.resource,
      revision: row.revision,
      requestId: row.request_id,
      beforeJson: row.before_json,
      afterJson: row.after_json,
      reason: row.reason,
    }),
  );
}
