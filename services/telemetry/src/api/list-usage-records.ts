import type { ServiceImpl } from "@connectrpc/connect";
import { ListUsageRecordsRequestSchema } from "@penstock/api";
import type { UsageService } from "@penstock/api";
import { listQuery, pageSize } from "@penstock/rpc";
import type { PageTokens } from "@penstock/rpc";

import { listRecords } from "../storage/record-store.ts";
import type { RecordCursor, StoredUsage } from "../storage/record-store.ts";
import type { RecordsDatabase } from "../storage/records-database.ts";
import { readFilter } from "./read-filter.ts";
import { toRecord } from "./to-record.ts";

const maxPageBytes = 4 * 1_024 * 1_024;

/** Handles `ListUsageRecords`. */
export function listUsageRecords(dependencies: {
  readonly db: RecordsDatabase;
  readonly pageTokens: PageTokens;
}): ServiceImpl<typeof UsageService>["listUsageRecords"] {
  const { db, pageTokens } = dependencies;
  return async (request) => {
    const size = pageSize(request.pageSize, { byDefault: 100, max: 1_000 });
    const query = listQuery(ListUsageRecordsRequestSchema, request);
    const { pageToken } = request;
    const after = pageToken === "" ? undefined : readCursor(pageTokens.decode(pageToken, query));
    const found = await listRecords(db, readFilter(request.filter), { after, size: size + 1 });
    const page = firstOf(found, size);
    const last = page.at(-1);
    return {
      usageRecords: page.map(toRecord),
      nextPageToken:
        last === undefined || found.length === page.length
          ? ""
          : pageTokens.encode(`${last.startMs} ${last.requestId}`, query),
    };
  };
}

/** At most `size` records, and none beyond the bytes of a page but the first. */
function firstOf(found: readonly StoredUsage[], size: number): StoredUsage[] {
  let bytes = 0;
  const full = found.findIndex((record, index) => {
    bytes += record.payload.length;
    return index === size || (index > 0 && bytes > maxPageBytes);
  });
  return full === -1 ? [...found] : found.slice(0, full);
}

function readCursor(text: string): RecordCursor {
  const [startMs = "", requestId = ""] = text.split(" ");
  return { startMs: Number(startMs), requestId };
}
