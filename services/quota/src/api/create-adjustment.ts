import type { ServiceImpl } from "@connectrpc/connect";
import type { CreateAdjustmentRequest, LedgerService } from "@penstock/api";
import { inTransaction } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { maximumNanoUsd } from "@penstock/pricing";
import { identityOf } from "@penstock/rpc";

import type { QuotaEvents } from "../events.ts";
import { LedgerPage } from "../ledger/ledger-page.ts";
import type { QuotaInstance } from "../ledger/ledger-page.ts";
import { postAdjustment } from "../ledger/post-charge.ts";
import type { Transfer } from "../ledger/transfer.ts";
import { loadAccounts, lockQuotas } from "../storage/ledger-store.ts";
import { savePage } from "../storage/save-page.ts";
import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { findTransfer, lockTransferId } from "../storage/transfer-store.ts";
import { findInstance } from "./get-balance.ts";
import type { BalanceDependencies } from "./get-balance.ts";
import { FieldProblems } from "./read-sync.ts";
import { toTransfer } from "./to-transfer.ts";

const maximumReasonCharacters = 1_024;
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Handles `CreateAdjustment`: once for each request id. */
export function createAdjustment(
  dependencies: BalanceDependencies & { readonly events: QuotaEvents },
): ServiceImpl<typeof LedgerService>["createAdjustment"] {
  return async (request, context) => {
    check(request);
    const instance = await findInstance(dependencies, request.quota);
    const { name: actor } = identityOf(context);
    const { transfer, isNew } = await adjust(dependencies, instance, { ...request, actor });
    const isCharge = transfer.reason === "";
    if (isCharge || transfer.quota !== request.quota || transfer.amount !== request.amount) {
      const description = isCharge
        ? "is the id of a request that was charged"
        : "was used for another adjustment";
      throw new GatewayError("FIELD_INVALID", `The field request_id ${description}.`, {
        fieldViolations: [{ field: "request_id", description }],
      });
    }
    if (isNew) {
      dependencies.events.adjusted(request.quota, request.amount, actor, request.reason);
    }
    return { transfer: toTransfer(transfer) };
  };
}

function check({ amount, reason, requestId }: CreateAdjustmentRequest): void {
  const problems = new FieldProblems();
  const inRange = amount !== 0n && amount <= maximumNanoUsd && amount >= -maximumNanoUsd;
  problems.check(inRange, "amount", "must be an amount other than 0");
  const length = reason.trim().length;
  problems.check(length > 0, "reason", "must say why");
  problems.check(length <= maximumReasonCharacters, "reason", "must be at most 1,024 characters");
  problems.check(uuidForm.test(requestId), "request_id", "must be a UUID in lower case");
  problems.throwIfAny();
}

/**
 * Posts an adjustment, or gives what was posted with its id before, to whichever quota. `quota`
 * has to be known.
 */
export function adjust(
  { db, clock }: { readonly db: LedgerDatabase; readonly clock: BalanceDependencies["clock"] },
  { quota, resource, definition }: QuotaInstance,
  request: Omit<CreateAdjustmentRequest, "$typeName"> & { readonly actor: string },
): Promise<{ transfer: Transfer; isNew: boolean }> {
  return inTransaction(db, async (trx) => {
    const nowMs = clock.wallMs();
    await lockTransferId(trx, request.requestId);
    const instances = await lockQuotas(trx, [{ quota, resource, definition }], nowMs);
    const before = await findTransfer(trx, request.requestId);
    if (before !== undefined) return { transfer: before, isNew: false };
    const accounts = await loadAccounts(trx, { instances, quotas: [quota], moments: [], nowMs });
    const page = new LedgerPage({ instances, accounts, leases: [] });
    const { amount, requestId: id, actor } = request;
    const reason = request.reason.trim();
    postAdjustment(page, { id, quota, amount, reason, actor }, nowMs);
    await savePage(trx, page);
    const [transfer] = page.transfers;
    if (transfer === undefined) throw new Error("an adjustment made no transfer");
    return { transfer, isNew: true };
  });
}
