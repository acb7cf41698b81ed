import { sql } from "kysely";
import type { Kysely, Transaction } from "kysely";

import type { Transfer } from "../ledger/transfer.ts";
import type { QuotaTables, TransferRow } from "./schema.ts";

/** State of a transfer as it is listed; only loans are ever pending. */
export type ListedState = "pending" | "posted" | "voided";

/** A charge, adjustment or loan as it is listed. */
export interface ListedTransfer {
  readonly id: string;
  readonly quota: string;
  readonly state: ListedState;
  readonly amount: bigint;
  readonly periodStartMs: number;
  readonly createMs: number;
  readonly leaseId: string;
  readonly reason: string;
  readonly actor: string;
}

/** Where the next page begins: after this entry. */
export interface TransferCursor {
  readonly createMs: number;
  readonly id: string;
  readonly quota: string;
  readonly ordinal: number;
}

/** Which transfers to list; an empty text or an undefined value means all. */
export interface TransferFilter {
  readonly quota: string;
  readonly requestId: string;
  readonly state: ListedState | undefined;
}

/**
 * Those of these transfers that there are, as `transferIdentity` says. Each is looked up by the
 * whole key: of a table that was never analyzed, as all of PGlite's are, the planner believes that
 * a list of ids is most of it, and would read it all.
 */
export async function postedTransfers(
  db: Kysely<QuotaTables>,
  wanted: readonly TransferIdentity[],
): Promise<Set<string>> {
  if (wanted.length === 0) return new Set();
  const { rows } = await sql<{ id: string; quota: string; ordinal: number }>`
    select t.id, t.quota, t.ordinal from unnest(
      ${wanted.map((one) => one.id)}::text[],
      ${wanted.map((one) => one.quota)}::text[],
      ${wanted.map((one) => one.ordinal)}::integer[]) as u (id, quota, ordinal)
    cross join lateral (
      select id, quota, ordinal from quota.transfers
      where id = u.id and quota = u.quota and ordinal = u.ordinal offset 0) as t`.execute(db);
  return new Set(rows.map((row) => transferIdentity(row)));
}

/** What tells a transfer from all others. */
export interface TransferIdentity {
  readonly id: string;
  readonly quota: string;
  readonly ordinal: number;
}

/** What makes a transfer one: no second with the same is ever posted. */
export function transferIdentity(parts: TransferIdentity): string {
  return `${parts.ordinal} ${parts.quota} ${parts.id}`;
}

/**
 * Waits until no other transaction that did the same for this id runs. For adjustments: their id is
 * theirs in all quotas, and the lock of a quota keeps out only those of the same one. Comes before
 * that lock, so that no charge waits for an adjustment that waits.
 */
export async function lockTransferId(trx: Transaction<QuotaTables>, id: string): Promise<void> {
  const name = `quota adjustment ${id}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx);
}

/** The charge or adjustment with this id; of a request's charges any. Undefined: there is none. */
export async function findTransfer(
  db: Kysely<QuotaTables>,
  id: string,
): Promise<Transfer | undefined> {
  const { rows } = await sql<TransferRow>`
    select * from quota.transfers where id = ${id} limit 1`.execute(db);
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    id: row.id,
    quota: row.quota,
    ordinal: row.ordinal,
    state: row.state as Transfer["state"],
    amount: row.amount,
    periodStartMs: Number(row.period_start_ms),
    createMs: Number(row.create_ms),
    leaseId: row.lease_id,
    reason: row.reason,
    actor: row.actor,
    rate: row.rate,
  };
}

interface ListedRow {
  id: string;
  quota: string;
  ordinal: number;
  state: string;
  amount: bigint;
  period_start_ms: bigint;
  create_ms: bigint;
  lease_id: string;
  reason: string;
  actor: string;
}

/** A page of charges, adjustments and loans, newest first, with the cursor of each entry. */
export async function listTransfers(
  db: Kysely<QuotaTables>,
  filter: TransferFilter,
  page: { readonly after: TransferCursor | undefined; readonly size: number },
): Promise<(ListedTransfer & { readonly cursor: TransferCursor })[]> {
  const { quota, requestId, state = "" } = filter;
  const after = page.after;
  const beyond =
    after === undefined
      ? sql`true`
      : sql`(create_ms, id, quota, ordinal) <
          (${after.createMs}, ${after.id}, ${after.quota}, ${after.ordinal})`;
  const fits = sql`(${quota} = '' or quota = ${quota}) and (${requestId} = '' or id = ${requestId})
    and (${state} = '' or state = ${state}) and ${beyond}
    order by create_ms desc, id desc, quota desc, ordinal desc limit ${page.size}`;
  const { rows } = await sql<ListedRow>`
    select * from (
      (select id, quota, ordinal, state, amount, period_start_ms, create_ms, lease_id, reason,
        actor from quota.transfers where ${fits})
      union all
      (select * from (
        select id, quota, 0 as ordinal, case when state <> 'finished' then 'pending'
          when posted > 0 then 'posted' else 'voided' end as state,
          granted as amount, period_start_ms, create_ms, id as lease_id, '' as reason,
          '' as actor
        from quota.leases) as loans where ${fits})
    ) as listed
    order by create_ms desc, id desc, quota desc, ordinal desc limit ${page.size}`.execute(db);
  return rows.map(toListed);
}

function toListed(row: ListedRow): ListedTransfer & { readonly cursor: TransferCursor } {
  const createMs = Number(row.create_ms);
  return {
    id: row.id,
    quota: row.quota,
    state: row.state as ListedState,
    amount: row.amount,
    periodStartMs: Number(row.period_start_ms),
    createMs,
    leaseId: row.lease_id,
    reason: row.reason,
    actor: row.actor,
    cursor: { createMs, id: row.id, quota: row.quota, ordinal: row.ordinal },
  };
}
