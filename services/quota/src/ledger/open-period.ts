import { countsAt, releaseTime, slotLengthMs, slotStart, wallMs } from "@penstock/limits";

import { emptyAccount } from "./account.ts";
import type { Account, PeriodName } from "./account.ts";
import type { LedgerPage, QuotaInstance } from "./ledger-page.ts";
import { calendarPeriod } from "./quota-rule.ts";

/**
 * In the last moments of a slot one lends from the next: a lease that ends at once would leave its
 * holder without one. It counts longer than it must, never shorter. Milliseconds; two syncs.
 */
const handOverMs = 2_000;

/** Where a loan or an adjustment made now is taken from, and when it may be reserved on. */
export interface OpenPeriod {
  readonly account: Account;
  readonly validFromMs: number;
  readonly validToMs: number;
}

/** The period of an instance for a loan at `nowMs`; its account is made when it is not there. */
export function openPeriod(page: LedgerPage, instance: QuotaInstance, nowMs: number): OpenPeriod {
  if (instance.period === "minute") return openSlot(page, instance, nowMs);
  const account = openCalendarPeriod(page, instance, nowMs);
  return { account, validFromMs: account.periodStartMs, validToMs: account.periodEndMs };
}

function openSlot(page: LedgerPage, instance: QuotaInstance, nowMs: number): OpenPeriod {
  const current: number = slotStart(wallMs(nowMs));
  const ending = current + slotLengthMs - nowMs <= handOverMs;
  const startMs = ending ? current + slotLengthMs : current;
  const account =
    page.account(instance.quota, startMs) ??
    newAccount(instance.quota, "minute", startMs, undefined);
  return { account, validFromMs: current, validToMs: startMs + slotLengthMs };
}

/**
 * A period that runs is used to its end even when the time zone of the budget was changed
 * meanwhile: otherwise a change of the zone would give the amount twice.
 */
function openCalendarPeriod(page: LedgerPage, instance: QuotaInstance, atMs: number): Account {
  const { quota, period, definition } = instance;
  const running = page
    .accountsOf(quota)
    .filter((a) => a.period === period && a.periodStartMs <= atMs && atMs < a.periodEndMs)
    .toSorted((a, b) => a.periodStartMs - b.periodStartMs)[0];
  if (running !== undefined) return running;
  const timeZone = definition?.timeZone ?? "UTC";
  const { startMs, endMs } = calendarPeriod({ period, timeZone }, atMs);
  const begun = page.account(quota, startMs);
  if (begun === undefined) return newAccount(quota, period, startMs, endMs);
  if (begun.period === period) return begun;
  // The budget was one of another period that began at the same moment: what it took stays taken.
  const account = { ...begun, period, periodEndMs: endMs };
  page.putAccount(account);
  return account;
}

function newAccount(
  quota: string,
  name: PeriodName,
  startMs: number,
  endMs: number | undefined,
): Account {
  return emptyAccount(quota, { startMs, endMs: endMs ?? startMs + slotLengthMs, name });
}

/**
 * The account that a charge without a lease belongs to: the slot or period of its time. Undefined
 * when that slot does not count any more, so that nobody needs it.
 */
export function accountAt(
  page: LedgerPage,
  instance: QuotaInstance,
  atMs: number,
  nowMs: number,
): Account | undefined {
  if (instance.period !== "minute") return openCalendarPeriod(page, instance, atMs);
  const named = slotStart(wallMs(atMs));
  if (nowMs >= releaseTime(named)) return undefined;
  // A clock that is far ahead names a slot that does not count yet: what it spent counts now.
  const startMs = countsAt(named, wallMs(nowMs)) ? named : slotStart(wallMs(nowMs));
  return (
    page.account(instance.quota, startMs) ??
    newAccount(instance.quota, "minute", startMs, undefined)
  );
}
