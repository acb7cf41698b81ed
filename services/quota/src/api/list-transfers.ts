import type { ServiceImpl } from "@connectrpc/connect";
import { ListTransfersRequestSchema, TransferState } from "@penstock/api";
import type { LedgerService } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { listQuery, pageSize } from "@penstock/rpc";
import type { PageTokens } from "@penstock/rpc";

import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { listTransfers as listRows } from "../storage/transfer-store.ts";
import type { ListedState, TransferCursor } from "../storage/transfer-store.ts";
import { toTransfer } from "./to-transfer.ts";

const states = new Map<number, ListedState>([
  [TransferState.PENDING, "pending"],
  [TransferState.POSTED, "posted"],
  [TransferState.VOIDED, "voided"],
]);

/** Handles `ListTransfers`. */
export function listTransfers(dependencies: {
  readonly db: LedgerDatabase;
  readonly pageTokens: PageTokens;
}): ServiceImpl<typeof LedgerService>["listTransfers"] {
  const { db, pageTokens } = dependencies;
  return async (request) => {
    const size = pageSize(request.pageSize, { byDefault: 100, max: 1_000 });
    const query = listQuery(ListTransfersRequestSchema, request);
    const after =
      request.pageToken === ""
        ? undefined
        : readCursor(pageTokens.decode(request.pageToken, query));
    const { quota, requestId } = request;
    const filter = { quota, requestId, state: states.get(request.state) };
    const found = await listRows(db, filter, { after, size: size + 1 });
    const page = found.slice(0, size);
    const last = page.at(-1);
    return {
      transfers: page.map(toTransfer),
      nextPageToken:
        last === undefined || found.length <= size
          ? ""
          : pageTokens.encode(writeCursor(last.cursor), query),
    };
  };
}

function writeCursor({ createMs, id, quota, ordinal }: TransferCursor): string {
  return JSON.stringify([createMs, id, quota, ordinal]);
}

function readCursor(text: string): TransferCursor {
  const [createMs, id, quota, ordinal]: unknown[] = JSON.parse(text);
  if (typeof createMs === "number" && typeof ordinal === "number") {
    return { createMs, id: String(id), quota: String(quota), ordinal };
  }
  throw new GatewayError("PAGE_TOKEN_INVALID", "The page token is not one of this list.");
}
