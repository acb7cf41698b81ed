import { noteSequences } from "@penstock/database";
import type { ConsumedSequence } from "@penstock/database";

import { LedgerPage } from "../ledger/ledger-page.ts";
import { postCharge } from "../ledger/post-charge.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import { loadAccounts, loadLeases, lockQuotas } from "../storage/ledger-store.ts";
import { savePage } from "../storage/save-page.ts";
import type { LedgerTransaction } from "../storage/ledger-database.ts";
import { schemaName } from "../storage/schema.ts";
import { postedTransfers, transferIdentity } from "../storage/transfer-store.ts";
import type { TransferIdentity } from "../storage/transfer-store.ts";
import type { Usage } from "./read-usage.ts";

/** What posting a batch did. */
export interface PostedUsage {
  readonly sequences: readonly ConsumedSequence[];
  readonly charges: number;
  /** Charges that had been posted before. */
  readonly repeated: number;
  readonly overshoot: bigint;
}

/**
 * Posts the charges of events in one transaction, each exactly once: the id of the request and the
 * quota are the transfer's key, looked up under the quota's lock.
 */
export async function postUsage(
  trx: LedgerTransaction,
  batch: readonly Usage[],
  configuration: QuotaConfiguration,
  nowMs: number,
): Promise<PostedUsage> {
  const charges = batch.flatMap((usage) => usage.charges);
  const quotas = [...new Set(charges.map((charge) => charge.quota))];
  const snapshot = configuration.current();
  const toLock = quotas.map((quota) => {
    const resource = resourceOfKey(quota) ?? quota;
    return { quota, resource, definition: snapshot?.quotas.get(resource) };
  });
  const instances = await lockQuotas(trx, toLock, nowMs);
  const seen = await postedTransfers(trx, charges.map(identityOf));
  const fresh = charges
    .filter((charge) => isNew(charge, seen))
    .map((charge) => ({ ...charge, periodStartMs: charge.periodStartMs ?? nowMs }));
  const leaseIds = new Set(fresh.map((charge) => charge.leaseId).filter((id) => id !== ""));
  const leases = await loadLeases(trx, [...leaseIds], { quotas: [], nowMs });
  const moments = [
    ...leases.map((lease) => ({ quota: lease.quota, atMs: lease.periodStartMs })),
    ...fresh.map((charge) => ({ quota: charge.quota, atMs: charge.periodStartMs })),
  ];
  const wanted = { instances, quotas, moments, nowMs };
  const accounts = fresh.length === 0 ? [] : await loadAccounts(trx, wanted);
  const page = new LedgerPage({ instances, accounts, leases });
  const before = overshootOf(page);
  for (const charge of fresh) postCharge(page, charge, nowMs);
  await savePage(trx, page);
  const sequences = await noteSequences(trx, schemaName, batch, nowMs);
  return {
    sequences,
    charges: fresh.length,
    repeated: charges.length - fresh.length,
    overshoot: overshootOf(page) - before,
  };
}

/** Also within the batch: an event that was delivered twice may be in it twice. */
function isNew(charge: Usage["charges"][number], seen: Set<string>): boolean {
  const identity = transferIdentity(identityOf(charge));
  if (seen.has(identity)) return false;
  seen.add(identity);
  return true;
}

function identityOf({ requestId: id, quota, ordinal }: Usage["charges"][number]): TransferIdentity {
  return { id, quota, ordinal };
}

function overshootOf(page: LedgerPage): bigint {
  let sum = 0n;
  for (const quota of page.instances.keys()) {
    for (const account of page.accountsOf(quota)) sum += account.overshoot;
  }
  return sum;
}
