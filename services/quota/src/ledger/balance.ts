import { countsAt, releaseTime, resetTimeMs, wallMs, windowLengthMs } from "@penstock/limits";
import type { SlotAmount } from "@penstock/limits";

import { totalOf } from "./account.ts";
import type { Account } from "./account.ts";
import type { QuotaInstance } from "./ledger-page.ts";
import { calendarPeriod } from "./quota-rule.ts";

/** What counts against an instance now, in its unit. */
export interface Balance {
  /** Undefined: never known. */
  readonly amount: bigint | undefined;
  readonly posted: bigint;
  readonly pending: bigint;
  readonly leased: bigint;
  readonly overshoot: bigint;
  /** Never negative. */
  readonly available: bigint;
  readonly periodStartMs: number;
  /** Undefined: nothing is used in a sliding minute. */
  readonly resetMs: number | undefined;
}

/** The accounts that count at `nowMs`: slots as `countsAt` says, the calendar period of now. */
export function countingAccounts(accounts: readonly Account[], nowMs: number): Account[] {
  return accounts.filter((account) =>
    account.period === "minute"
      ? countsAt(wallMs(account.periodStartMs), wallMs(nowMs))
      : account.periodStartMs <= nowMs && nowMs < account.periodEndMs,
  );
}

function slotsOf(accounts: readonly Account[]): SlotAmount[] {
  return accounts.map((a) => ({ startMs: wallMs(a.periodStartMs), amount: totalOf(a) }));
}

/** The balance of an instance from its accounts. */
export function balanceOf(
  instance: QuotaInstance,
  accounts: readonly Account[],
  nowMs: number,
): Balance {
  const ofPeriod = accounts.flatMap((account) => ofOwnPeriod(instance, account, nowMs));
  const counting = countingAccounts(ofPeriod, nowMs);
  const sum = (pick: (account: Account) => bigint): bigint =>
    counting.reduce((total, account) => total + pick(account), 0n);
  const left = (instance.amount ?? 0n) - sum(totalOf);
  return {
    amount: instance.amount,
    posted: sum((account) => account.posted),
    pending: sum((account) => account.pending),
    leased: sum((account) => account.leased),
    overshoot: sum((account) => account.overshoot),
    available: left > 0n ? left : 0n,
    ...periodTimes(instance, counting, nowMs),
  };
}

/** A calendar period is taken over from a rule of another one that began at the same moment. */
function ofOwnPeriod(instance: QuotaInstance, account: Account, nowMs: number): Account[] {
  const { period } = instance;
  if (account.period === period) return [account];
  if (period === "minute" || account.period === "minute") return [];
  const { startMs, endMs } = calendarPeriod({ period, timeZone: zoneOf(instance) }, nowMs);
  return account.periodStartMs === startMs ? [{ ...account, period, periodEndMs: endMs }] : [];
}

function zoneOf({ definition }: QuotaInstance): string {
  return definition?.timeZone ?? "UTC";
}

function periodTimes(instance: QuotaInstance, counting: readonly Account[], nowMs: number) {
  const { period } = instance;
  if (period === "minute") {
    const used = counting.filter((account) => totalOf(account) > 0n);
    const releases = used.map((account) => releaseTime(wallMs(account.periodStartMs)));
    const resetMs = releases.length === 0 ? undefined : Math.min(...releases);
    return { periodStartMs: nowMs - windowLengthMs, resetMs };
  }
  const account = counting[0];
  if (account !== undefined) {
    return { periodStartMs: account.periodStartMs, resetMs: account.periodEndMs };
  }
  const { startMs, endMs } = calendarPeriod({ period, timeZone: zoneOf(instance) }, nowMs);
  return { periodStartMs: startMs, resetMs: endMs };
}

/** When lent amounts flow back is not known; requests end, and their rest returns, within seconds. */
const lentAgainMs = 1_000;

/** A request that there was no room for, in the unit of the quota. */
export interface LackingRequest {
  /** All that it needs. */
  readonly whole: bigint;
  /** What of that its own holder has been lent, so that nobody else gives it back. */
  readonly own: bigint;
}

/**
 * When the request may have room; undefined when it never has because it is too large. Where only
 * amounts lent to other holders and running requests are in the way that is soon, not at the end of
 * the period.
 */
export function whenAvailable(
  instance: QuotaInstance,
  accounts: readonly Account[],
  nowMs: number,
  { whole, own }: LackingRequest,
): number | undefined {
  const balance = balanceOf(instance, accounts, nowMs);
  if (instance.period !== "minute") {
    const uncharged = (instance.amount ?? 0n) - balance.posted - balance.pending;
    return uncharged >= whole ? nowMs + lentAgainMs : balance.resetMs;
  }
  const counting = countingAccounts(accounts, nowMs);
  const amount = instance.amount ?? 0n;
  const lacking = whole > own ? whole - own : 1n;
  return resetTimeMs(slotsOf(counting), wallMs(nowMs), amount, lacking);
}
