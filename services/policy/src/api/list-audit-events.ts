import type { ListAuditEventsRequest } from "@penstock/api";
import { ListAuditEventsRequestSchema } from "@penstock/api";
import { withStorageErrors } from "@penstock/database";
import { listQuery, pageSize } from "@penstock/rpc";
import { listAuditEvents as readAuditEvents } from "../storage/audit-store.ts";
import type { AuditCursor } from "../storage/audit-store.ts";
import type { ApiDependencies } from "./dependencies.ts";

const maxPageBytes = 4 * 1_024 * 1_024;

/** Changes, newest first. */
export function listAuditEvents({ db, pageTokens }: ApiDependencies) {
  return async (request: ListAuditEventsRequest) => {
    const limit = pageSize(request.pageSize, { byDefault: 100 });
    const query = listQuery(ListAuditEventsRequestSchema, request);
    const { resource, pageToken } = request;
    const after = pageToken === "" ? undefined : toCursor(pageTokens.decode(pageToken, query));
    const { events: auditEvents, more } = await withStorageErrors(() =>
      readAuditEvents(db, { resource, after }, { limit, maxBytes: maxPageBytes }),
    );
    const last = auditEvents.at(-1);
    const cursor = more && last !== undefined ? `${last.revision} ${last.id}` : undefined;
    const nextPageToken = cursor === undefined ? "" : pageTokens.encode(cursor, query);
    return { auditEvents, nextPageToken };
  };
}

/** The token is authenticated, so its text is one that was written here. */
function toCursor(text: string): AuditCursor {
  const [revision = "0", id = ""] = text.split(" ");
  return { revision: BigInt(revision), id };
}
