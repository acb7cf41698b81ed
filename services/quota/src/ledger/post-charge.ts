import { balanceOf } from "./balance.ts";
import { totalOf, underAmount } from "./account.ts";
import type { Account } from "./account.ts";
import { chargeLease } from "./lease.ts";
import type { LedgerPage, QuotaInstance } from "./ledger-page.ts";
import { accountAt, openPeriod } from "./open-period.ts";

/** What one request took from one quota, as an event says. */
export interface Charge {
  readonly requestId: string;
  readonly quota: string;
  readonly ordinal: number;
  /** When the period, or slot, that it was reserved in began. */
  readonly periodStartMs: number;
  /** Empty: no lease. */
  readonly leaseId: string;
  readonly reserved: bigint;
  /** At least 0. */
  readonly settled: bigint;
}

/** An amount that an operator charges, or credits when below 0. */
export interface Adjustment {
  readonly id: string;
  readonly quota: string;
  readonly amount: bigint;
  readonly reason: string;
  /** Name of the identity that asked for it. */
  readonly actor: string;
}

/**
 * Posts a charge that was not posted before: what its lease held of it is released, the account
 * takes all of it, and what that puts over the amount is counted as overshoot.
 */
export function postCharge(page: LedgerPage, charge: Charge, nowMs: number): void {
  const instance = page.instances.get(charge.quota);
  if (instance === undefined) throw new TypeError(`quota ${charge.quota} is not loaded`);
  const lease = page.lease(charge.leaseId);
  const fits = lease !== undefined && lease.quota === charge.quota;
  const account = fits
    ? page.account(charge.quota, lease.periodStartMs)
    : accountAt(page, instance, charge.periodStartMs, nowMs);
  page.transfers.push({
    id: charge.requestId,
    quota: charge.quota,
    ordinal: charge.ordinal,
    state: charge.settled === 0n ? "voided" : "posted",
    amount: charge.settled === 0n ? charge.reserved : charge.settled,
    periodStartMs: account?.periodStartMs ?? charge.periodStartMs,
    createMs: nowMs,
    leaseId: charge.leaseId,
    reason: "",
    actor: "",
    rate: instance.period === "minute",
  });
  if (charge.settled === 0n) return;
  if (account !== undefined) {
    take(page, instance, account, { amount: charge.settled, nowMs, leaseId: charge.leaseId });
  } else if (fits) {
    page.putLease(chargeLease(lease, charge.settled));
  }
}

/** Posts an adjustment to the period of now. */
export function postAdjustment(page: LedgerPage, adjustment: Adjustment, nowMs: number): void {
  const instance = page.instances.get(adjustment.quota);
  if (instance === undefined) throw new TypeError(`quota ${adjustment.quota} is not loaded`);
  const { account } = openPeriod(page, instance, nowMs);
  page.transfers.push({
    id: adjustment.id,
    quota: adjustment.quota,
    ordinal: 0,
    state: "posted",
    amount: adjustment.amount,
    periodStartMs: account.periodStartMs,
    createMs: nowMs,
    leaseId: "",
    reason: adjustment.reason,
    actor: adjustment.actor,
    rate: instance.period === "minute",
  });
  take(page, instance, account, { amount: adjustment.amount, nowMs, leaseId: "" });
}

interface Take {
  readonly amount: bigint;
  readonly nowMs: number;
  readonly leaseId: string;
}

function take(page: LedgerPage, instance: QuotaInstance, account: Account, taken: Take): void {
  const { quota, periodStartMs } = account;
  const totalBefore = totalOf(account);
  page.putAccount({ ...account, posted: account.posted + taken.amount });
  const lease = page.lease(taken.leaseId);
  if (lease !== undefined && lease.quota === quota) {
    page.putLease(chargeLease(lease, taken.amount));
  }
  const after = page.account(quota, periodStartMs) ?? account;
  const grown = totalOf(after) - totalBefore;
  const excess = excessOf(page, instance, after, taken.nowMs);
  const overshoot = grown < excess ? grown : excess;
  const counted = overshoot > 0n ? { ...after, overshoot: after.overshoot + overshoot } : after;
  page.putAccount(underAmountOf(instance, counted));
}

/**
 * What is over the amount was measured by the amount of now: an account that was lent from under a
 * lower one has to know it, or a charge between the two would be neither room nor overshoot.
 */
function underAmountOf({ amount }: QuotaInstance, account: Account): Account {
  if (amount === undefined || account.highestAmount === undefined) return account;
  return underAmount(account, amount);
}

/** How far the total, of the account or of everything that counts now, is over the amount. */
function excessOf(
  page: LedgerPage,
  instance: QuotaInstance,
  account: Account,
  nowMs: number,
): bigint {
  if (instance.amount === undefined) return 0n;
  const { posted, pending, leased } = balanceOf(instance, page.accountsOf(account.quota), nowMs);
  const counting = posted + pending + leased;
  const own = totalOf(account);
  return (counting > own ? counting : own) - instance.amount;
}
