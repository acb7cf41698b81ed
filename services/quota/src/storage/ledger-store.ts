import { sql } from "kysely";
import type { Transaction } from "kysely";

import type { Account, PeriodName } from "../ledger/account.ts";
import type { Lease, LeaseState } from "../ledger/lease.ts";
import type { QuotaInstance } from "../ledger/ledger-page.ts";
import { calendarPeriod } from "../ledger/quota-rule.ts";
import type { QuotaDefinition, UnitName } from "../ledger/quota-rule.ts";
import type { AccountRow, LeaseRow, QuotaRow, QuotaTables } from "./schema.ts";

type Ledger = Transaction<QuotaTables>;

/** A quota instance to be locked, with its rule when the snapshot has one. */
export interface QuotaToLock {
  readonly quota: string;
  readonly resource: string;
  readonly definition: QuotaDefinition | undefined;
}

/**
 * Makes missing instances, notes the newest rules and locks all of them, in the order of their
 * keys: two transactions that need the same ones wait for each other instead of deadlocking.
 */
export async function lockQuotas(
  trx: Ledger,
  wanted: readonly QuotaToLock[],
  nowMs: number,
): Promise<QuotaInstance[]> {
  if (wanted.length === 0) return [];
  const sorted = wanted.toSorted((a, b) => (a.quota < b.quota ? -1 : 1));
  const { rows } = await sql<QuotaRow>`
    insert into quota.quotas as q (quota, resource, unit, period, amount, used_ms)
    select u.*, ${nowMs}::bigint from unnest(
      ${sorted.map((one) => one.quota)}::text[], ${sorted.map((one) => one.resource)}::text[],
      ${sorted.map(unitOf)}::text[], ${sorted.map(periodOf)}::text[],
      ${sorted.map((one) => one.definition?.amount ?? null)}::bigint[]) as u
    on conflict (quota) do update set
      unit = case when excluded.amount is null then q.unit else excluded.unit end,
      period = case when excluded.amount is null then q.period else excluded.period end,
      amount = coalesce(excluded.amount, q.amount),
      used_ms = greatest(q.used_ms, excluded.used_ms)
    returning *`.execute(trx);
  const definitions = new Map(sorted.map((one) => [one.quota, one.definition]));
  return rows.map((row) => toInstance(row, definitions.get(row.quota)));
}

// Without a rule the kind of the resource says most: limits count a minute, budgets money.
function unitOf({ definition, resource }: QuotaToLock): UnitName {
  return definition?.unit ?? (resource.startsWith("limits/") ? "requests" : "nano_usd");
}

function periodOf({ definition, resource }: QuotaToLock): PeriodName {
  return definition?.period ?? (resource.startsWith("limits/") ? "minute" : "month");
}

/** A row of `quotas` with the rule of now. */
export function toInstance(row: QuotaRow, definition: QuotaDefinition | undefined): QuotaInstance {
  return {
    quota: row.quota,
    resource: row.resource,
    unit: row.unit as UnitName,
    period: row.period as PeriodName,
    amount: row.amount ?? undefined,
    definition,
    usedMs: Number(row.used_ms),
  };
}

/** Which quota each of these leases is of; leases never move, so no lock is needed. */
export async function quotasOfLeases(trx: Ledger, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await sql<{ quota: string }>`
    select distinct quota from quota.leases where id = any(${ids}::text[])`.execute(trx);
  return new Set(rows.map((row) => row.quota));
}

/** Loads leases by id, and the open ones of some quotas that have not run out. */
export async function loadLeases(
  trx: Ledger,
  ids: readonly string[],
  openOf: { readonly quotas: readonly string[]; readonly nowMs: number },
): Promise<Lease[]> {
  if (ids.length === 0 && openOf.quotas.length === 0) return [];
  const { rows } = await sql<LeaseRow>`
    select * from quota.leases where id = any(${ids}::text[])
    union
    select * from quota.leases where quota = any(${openOf.quotas}::text[])
      and state <> 'finished' and state = 'open' and expire_ms > ${openOf.nowMs}
    order by create_ms, id`.execute(trx);
  return rows.map(toLease);
}

// A slot counts for a minute after its end.
const recentMs = 60_000;

/** A moment in a quota; loads the account whose period contains it. */
export interface QuotaMoment {
  readonly quota: string;
  readonly atMs: number;
}

/** Which accounts to load. */
export interface WantedAccounts {
  readonly instances: readonly QuotaInstance[];
  /** Everything that counts now of these. */
  readonly quotas: readonly string[];
  readonly moments: readonly QuotaMoment[];
  readonly nowMs: number;
}

/**
 * Loads the accounts of quotas that count now or contain one of the moments, and whatever stands
 * where a period that contains one would begin: two accounts of a quota never begin together.
 *
 * Each quota and moment is looked up alone, by `lateral` and `offset 0`: of a table that was never
 * analyzed, as all of PGlite's are, the planner believes that a list of a hundred quotas is half of
 * it, and would read it all.
 */
export async function loadAccounts(trx: Ledger, wanted: WantedAccounts): Promise<Account[]> {
  const { quotas, nowMs } = wanted;
  const given = distinct(wanted.moments);
  const moments = distinct([...given, ...periodStarts({ ...wanted, moments: given })]);
  if (quotas.length === 0 && moments.length === 0) return [];
  const { rows } = await sql<AccountRow>`
    select a.* from unnest(${quotas}::text[]) as q (quota) cross join lateral (
      select * from quota.accounts
      where quota = q.quota and period_end_ms > ${nowMs - recentMs} offset 0) as a
    union
    select a.* from unnest(
      ${moments.map((moment) => moment.quota)}::text[],
      ${moments.map((moment) => moment.atMs)}::bigint[]) as m (quota, at_ms)
    cross join lateral (
      select * from quota.accounts where quota = m.quota
        and period_start_ms <= m.at_ms and m.at_ms < period_end_ms offset 0) as a`.execute(trx);
  return rows.map(toAccount);
}

/** The charges of a batch name a few moments, hundreds of times; in whole milliseconds. */
function distinct(moments: readonly QuotaMoment[]): QuotaMoment[] {
  const byText = new Map<string, QuotaMoment>();
  for (const { quota, atMs: exact } of moments) {
    const atMs = Math.floor(exact);
    byText.set(`${atMs} ${quota}`, { quota, atMs });
  }
  return [...byText.values()];
}

function periodStarts({ instances, quotas, moments, nowMs }: WantedAccounts): QuotaMoment[] {
  const known = new Map(instances.map((instance) => [instance.quota, instance]));
  const now = quotas.map((quota) => ({ quota, atMs: nowMs }));
  return [...now, ...moments].flatMap(({ quota, atMs }) => {
    const { period = "minute", definition } = known.get(quota) ?? {};
    if (period === "minute") return [];
    const timeZone = definition?.timeZone ?? "UTC";
    return [{ quota, atMs: calendarPeriod({ period, timeZone }, atMs).startMs }];
  });
}

/** A row of `accounts`. */
export function toAccount(row: AccountRow): Account {
  return {
    quota: row.quota,
    periodStartMs: Number(row.period_start_ms),
    periodEndMs: Number(row.period_end_ms),
    period: row.period as PeriodName,
    posted: row.posted,
    pending: row.pending,
    leased: row.leased,
    overshoot: row.overshoot,
    highestAmount: row.highest_amount ?? undefined,
  };
}

/** A row of `leases`. */
export function toLease(row: LeaseRow): Lease {
  return {
    id: row.id,
    quota: row.quota,
    periodStartMs: Number(row.period_start_ms),
    validFromMs: Number(row.valid_from_ms),
    validToMs: Number(row.valid_to_ms),
    rate: row.rate,
    holder: row.holder,
    epoch: row.epoch,
    granted: row.granted,
    spent: row.spent,
    reserved: row.reserved,
    posted: row.posted,
    heldLeased: row.held_leased,
    heldPending: row.held_pending,
    state: row.state as LeaseState,
    reportSequence: row.report_sequence,
    createMs: Number(row.create_ms),
    expireMs: Number(row.expire_ms),
  };
}
