import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { TransferSchema, TransferState } from "@penstock/api";
import type { Transfer } from "@penstock/api";

import type { ListedTransfer } from "../storage/transfer-store.ts";

const states = {
  pending: TransferState.PENDING,
  posted: TransferState.POSTED,
  voided: TransferState.VOIDED,
};

/** A transfer as a message. */
export function toTransfer(transfer: Omit<ListedTransfer, "cursor">): Transfer {
  return create(TransferSchema, {
    id: transfer.id,
    quota: transfer.quota,
    state: states[transfer.state],
    amount: transfer.amount,
    periodStartTime: timestampFromMs(transfer.periodStartMs),
    createTime: timestampFromMs(transfer.createMs),
    leaseId: transfer.leaseId,
    reason: transfer.reason,
    actor: transfer.actor,
  });
}
