import type { ListAuditEventsRequest } from "@penstock/api";
import { ListAuditEventsRequestSchema } from "@penstock/api";
import { withStorageErrors } from "@penstock/database";
import { listQuery, pageSize } from "@penstock/rpc";
import { listAuditEvents as readAuditEvents } from "../storage/audit-store.ts";
import type { AuditCursor } from "../storage/audit-store.ts";
import type { ApiDependencies } from "./dependencies.ts";

/** Changes, newest first. */
export function listAuditEvents({ db, pageTokens }: ApiDependencies) {
  return async (request: ListAuditEventsRequest) => {
    const limit = pageSize(request.pageSize, { byDefault: 100 });
    const query = listQuery(ListAuditEventsRequestSchema, request);
    const { resource, pageToken } = request;
    const after = pageToken === "" ? undefined : toCursor(pageTokens.decode(pageToken, query));
    const found = await withStorageErrors(() => readAuditEvents(db, resource, after, limit + 1));
    const auditEvents = found.slice(0, limit);
    const last = auditEvents.at(-1);
    const more = found.length > limit && last !== undefined;
    const nextPageToken = more ? pageTokens.encode(`${last.revision} ${last.id}`, query) : "";
    return { auditEvents, nextPageToken };
  };
}

/** The token is authenticated, so its text is one that was written here. */
function toCursor(text: string): AuditCursor {
  const [revision = "0", id = ""] = text.split(" ");
  return { revision: BigInt(revision), id };
}
