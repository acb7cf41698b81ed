import { sql } from "kysely";
import type { Transaction } from "kysely";

import type { Account } from "../ledger/account.ts";
import type { Lease } from "../ledger/lease.ts";
import type { LedgerPage } from "../ledger/ledger-page.ts";
import type { Transfer } from "../ledger/transfer.ts";
import type { QuotaTables } from "./schema.ts";

type Ledger = Transaction<QuotaTables>;

/** Writes what changed on a page; the locks it was loaded under must still be held. */
export async function savePage(trx: Ledger, page: LedgerPage): Promise<void> {
  const accounts = page.changedAccounts();
  const leases = page.changedLeases();
  // One statement where there are both: a router may be waiting for the answer.
  if (accounts.length > 0 && leases.length > 0) {
    await sql`with accounts as (${upsertAccounts(accounts)}) ${upsertLeases(leases)}`.execute(trx);
  } else if (accounts.length > 0) await upsertAccounts(accounts).execute(trx);
  else if (leases.length > 0) await upsertLeases(leases).execute(trx);
  await insertTransfers(trx, page.transfers);
}

function upsertAccounts(accounts: readonly Account[]) {
  return sql`
    insert into quota.accounts
    select * from unnest(
      ${accounts.map((one) => one.quota)}::text[],
      ${accounts.map((one) => one.periodStartMs)}::bigint[],
      ${accounts.map((one) => one.periodEndMs)}::bigint[],
      ${accounts.map((one) => one.period)}::text[],
      ${accounts.map((one) => one.posted)}::bigint[],
      ${accounts.map((one) => one.pending)}::bigint[],
      ${accounts.map((one) => one.leased)}::bigint[],
      ${accounts.map((one) => one.overshoot)}::bigint[],
      ${accounts.map((one) => one.highestAmount ?? null)}::bigint[])
    on conflict (quota, period_start_ms) do update set
      period = excluded.period, period_end_ms = excluded.period_end_ms, posted = excluded.posted, pending = excluded.pending, leased = excluded.leased,
      overshoot = excluded.overshoot, highest_amount = excluded.highest_amount`;
}

function upsertLeases(leases: readonly Lease[]) {
  return sql`
    insert into quota.leases
    select * from unnest(
      ${leases.map((one) => one.id)}::text[],
      ${leases.map((one) => one.quota)}::text[],
      ${leases.map((one) => one.periodStartMs)}::bigint[],
      ${leases.map((one) => one.validFromMs)}::bigint[],
      ${leases.map((one) => one.validToMs)}::bigint[],
      ${leases.map((one) => one.rate)}::boolean[],
      ${leases.map((one) => one.holder)}::text[],
      ${leases.map((one) => one.epoch)}::bigint[],
      ${leases.map((one) => one.granted)}::bigint[],
      ${leases.map((one) => one.spent)}::bigint[],
      ${leases.map((one) => one.reserved)}::bigint[],
      ${leases.map((one) => one.posted)}::bigint[],
      ${leases.map((one) => one.heldLeased)}::bigint[],
      ${leases.map((one) => one.heldPending)}::bigint[],
      ${leases.map((one) => one.state)}::text[],
      ${leases.map((one) => one.reportSequence)}::bigint[],
      ${leases.map((one) => one.createMs)}::bigint[],
      ${leases.map((one) => Math.ceil(one.expireMs))}::bigint[])
    on conflict (id) do update set
      granted = excluded.granted, spent = excluded.spent, reserved = excluded.reserved,
      posted = excluded.posted, held_leased = excluded.held_leased,
      held_pending = excluded.held_pending, state = excluded.state,
      report_sequence = excluded.report_sequence, expire_ms = excluded.expire_ms`;
}

async function insertTransfers(trx: Ledger, transfers: readonly Transfer[]): Promise<void> {
  if (transfers.length === 0) return;
  await sql`
    insert into quota.transfers
    select * from unnest(
      ${transfers.map((one) => one.id)}::text[],
      ${transfers.map((one) => one.quota)}::text[],
      ${transfers.map((one) => one.ordinal)}::integer[],
      ${transfers.map((one) => one.state)}::text[],
      ${transfers.map((one) => one.amount)}::bigint[],
      ${transfers.map((one) => Math.floor(one.periodStartMs))}::bigint[],
      ${transfers.map((one) => Math.floor(one.createMs))}::bigint[],
      ${transfers.map((one) => one.leaseId)}::text[],
      ${transfers.map((one) => one.reason)}::text[],
      ${transfers.map((one) => one.rate)}::boolean[],
      ${transfers.map((one) => one.actor)}::text[])`.execute(trx);
}
