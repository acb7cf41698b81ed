import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ConfigHead, FetchSnapshotRequest } from "@penstock/api";
import { inTransaction, withStorageErrors } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { readHead } from "../storage/installation-store.ts";
import { readPage } from "../storage/resource-store.ts";
import type { ReadResource } from "../storage/resource-store.ts";
import type { ApiDependencies } from "./dependencies.ts";

/** From the proto: what one page holds at most. */
const maxPageEntries = 1_000;
const maxPageBytes = 2 * 1_024 * 1_024;

/** The whole configuration, page by page; a page of an older revision is refused. */
export function fetchSnapshot({ db, pageTokens }: ApiDependencies) {
  return async (request: FetchSnapshotRequest) => {
    return await withStorageErrors(() =>
      inTransaction(
        db,
        async (trx) => {
          const head = await readHead(trx);
          const { knownRevision, knownEpoch, pageToken } = request;
          const isNewest = knownRevision === head.revision && knownEpoch === head.epoch;
          if (pageToken === "" && isNewest) return { head, unchanged: true };
          // Bound to the revision: the token of an older one is that of another query.
          const query = Buffer.from(`snapshot ${head.epoch} ${head.revision}`);
          const after = pageToken === "" ? "" : decode(pageTokens, pageToken, query);
          const page = { collections: [], labels: {}, after, limit: maxPageEntries };
          const { items, more } = await readPage(trx, page, maxPageBytes);
          const last = items.at(-1)?.name ?? "";
          const nextPageToken = more ? pageTokens.encode(last, query) : "";
          return { head, entries: items.map((item) => toEntry(item, head)), nextPageToken };
        },
        { isolation: "repeatable read" },
      ),
    );
  };
}

function toEntry({ name, revision, resource, updateMs }: ReadResource, head: ConfigHead) {
  const traceparent = revision === head.revision ? head.traceparent : "";
  return { name, revision, resource, traceparent, commitTime: timestampFromMs(updateMs) };
}

function decode(
  pageTokens: ApiDependencies["pageTokens"],
  token: string,
  query: Uint8Array,
): string {
  try {
    return pageTokens.decode(token, query);
  } catch (cause) {
    const message = "The page token is not of the newest revision; start again without one.";
    throw new GatewayError("PAGE_TOKEN_INVALID", message, {
      fieldViolations: [{ field: "page_token", description: "is not of the newest revision" }],
      cause,
    });
  }
}
