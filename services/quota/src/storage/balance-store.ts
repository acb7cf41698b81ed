import { sql } from "kysely";
import type { Kysely } from "kysely";

import type { Account } from "../ledger/account.ts";
import { toAccount } from "./ledger-store.ts";
import type { AccountRow, QuotaRow, QuotaTables } from "./schema.ts";

type Ledger = Kysely<QuotaTables>;

/** The rows of these instances; those that nothing was ever lent of or charged to have none. */
export async function findQuotas(db: Ledger, quotas: readonly string[]): Promise<QuotaRow[]> {
  const { rows } = await sql<QuotaRow>`
    select * from quota.quotas where quota = any(${quotas}::text[])`.execute(db);
  return rows;
}

/** Up to `size` instances after a key, of one resource or of all, by key. */
export async function listQuotas(
  db: Ledger,
  filter: { readonly resource: string; readonly after: string; readonly size: number },
): Promise<QuotaRow[]> {
  const { resource, after, size } = filter;
  const { rows } = await sql<QuotaRow>`
    select * from quota.quotas
    where quota collate "C" > ${after} and (${resource} = '' or resource = ${resource})
    order by quota collate "C" limit ${size}`.execute(db);
  return rows;
}

/** The accounts of these instances that may count at `nowMs`; looked up as in `loadAccounts`. */
export async function currentAccounts(
  db: Ledger,
  quotas: readonly string[],
  nowMs: number,
): Promise<Account[]> {
  const { rows } = await sql<AccountRow>`
    select a.* from unnest(${quotas}::text[]) as q (quota) cross join lateral (
      select * from quota.accounts
      where quota = q.quota and period_end_ms > ${nowMs - 60_000} offset 0) as a`.execute(db);
  return rows.map(toAccount);
}
