import { allocate, wholeReservations } from "@penstock/limits";
import type { Allocation } from "@penstock/limits";

import { underAmount } from "../ledger/account.ts";
import { balanceOf, whenAvailable } from "../ledger/balance.ts";
import { extendLease } from "../ledger/lease.ts";
import type { Lease } from "../ledger/lease.ts";
import type { LedgerPage, QuotaInstance } from "../ledger/ledger-page.ts";
import { openPeriod } from "../ledger/open-period.ts";
import type { OpenPeriod } from "../ledger/open-period.ts";
import type { Grant, Want } from "./sync.ts";

/** Life of a lease in milliseconds from the answer (decisions §6): rates, money. */
export const rateLeaseLifeMs = 10_000;
export const moneyLeaseLifeMs = 30_000;

/** One wish for a quota, by whom. */
export interface HolderWant {
  readonly holder: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly want: Want;
}

/** What granting needs besides the ledger. */
export interface GrantContext {
  readonly nowMs: number;
  newLeaseId(): string;
}

/**
 * Divides what is left of one instance among the wishes of one transaction. Keeps posted +
 * pending + leased <= amount: `allocate` gives out at most what is free, and the page is loaded
 * under the instance's lock. Gives one grant for each wish, in their order.
 */
export function grantLeases(
  page: LedgerPage,
  instance: QuotaInstance,
  wants: readonly HolderWant[],
  context: GrantContext,
): Grant[] {
  const amount = instance.definition?.amount ?? 0n;
  const open = openPeriod(page, instance, context.nowMs);
  const allocation = divide(page, instance, wants, context.nowMs);
  const changed = wants.map((want, index) =>
    lend(page, instance, {
      want,
      open,
      amount: allocation.grants[index]?.amount ?? 0n,
      limit: amount,
      context,
    }),
  );
  const available = allocation.remaining;
  return wants.map(({ want }, index) => {
    const lease = changed[index];
    const granted = allocation.grants[index]?.amount ?? 0n;
    const asked = want.needed > want.wanted ? want.needed : want.wanted;
    const short = granted === 0n && asked > 0n && !servedLater(want, allocation);
    const lacks = short || granted < want.needed;
    return {
      quota: instance.quota,
      status: short ? "exhausted" : "granted",
      leaseId: lease?.id ?? "",
      amount: granted,
      periodStartMs: lease?.validFromMs ?? open.validFromMs,
      periodEndMs: lease?.validToMs ?? open.validToMs,
      lifeMs: lifeOf(instance),
      mode: allocation.mode,
      limit: amount,
      available,
      resetMs: lacks
        ? resetOf(page, instance, { want, own: ownRoom(lease, granted) }, context.nowMs)
        : undefined,
    } satisfies Grant;
  });
}

/** In precise mode nothing is lent ahead of need, which does not mean that nothing is left. */
function servedLater(want: Want, { mode, remaining }: Allocation): boolean {
  return mode === "precise" && want.needed === 0n && remaining > 0n;
}

function lifeOf(instance: QuotaInstance): number {
  return instance.period === "minute" ? rateLeaseLifeMs : moneyLeaseLifeMs;
}

/** What the holder had room for when it asked: a want lacks that much of what waits. */
function ownRoom(lease: Lease | undefined, granted: bigint): bigint {
  if (lease === undefined) return 0n;
  const room = lease.granted - granted - lease.spent - lease.reserved;
  return room > 0n ? room : 0n;
}

function resetOf(
  page: LedgerPage,
  instance: QuotaInstance,
  { want, own }: { readonly want: Want; readonly own: bigint },
  nowMs: number,
): number | undefined {
  // What waits is a sum over requests, which may be more than the limit; the next one is not.
  const { needed, largestReservation } = want;
  const waiting = needed > 0n ? needed + own : largestReservation;
  const one = largestReservation > 0n ? smaller(largestReservation, waiting) : waiting;
  const fitting = smaller(one, instance.definition?.amount ?? 0n);
  const accounts = page.accountsOf(instance.quota);
  return whenAvailable(instance, accounts, nowMs, { whole: fitting > 0n ? fitting : 1n, own });
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function divide(
  page: LedgerPage,
  instance: QuotaInstance,
  wants: readonly HolderWant[],
  nowMs: number,
): Allocation {
  const limit = instance.definition?.amount ?? 0n;
  const balance = balanceOf(instance, page.accountsOf(instance.quota), nowMs);
  const base = {
    kind: instance.period === "minute" ? ("rate" as const) : ("budget" as const),
    limit,
    posted: balance.posted,
    pending: balance.pending,
    leased: balance.leased,
    holders: countHolders(page, instance.quota, wants, nowMs),
  };
  const ask = (amountOf: (want: Want) => bigint): Allocation =>
    allocate({
      ...base,
      wants: wants.map(({ holder, want }) => ({
        holder,
        wanted: amountOf(want),
        largestReservation: want.largestReservation,
        demandPerSecond: want.demandPerSecond,
      })),
    });
  const bulk = ask((want) => (want.needed > want.wanted ? want.needed : want.wanted));
  if (bulk.mode === "precise") return ask((want) => want.needed);
  return topUp(bulk, wants);
}

/**
 * A burst that waits is larger than what the average demand of the holder says. What is left goes
 * to requests that wait before it is kept for others: first to each holder whole reservations up
 * to an equal share, then in their order. Otherwise a burst would be refused although there is room.
 */
function topUp(bulk: Allocation, wants: readonly HolderWant[]): Allocation {
  const granted = bulk.grants.reduce((sum, grant) => sum + grant.amount, 0n);
  const share = (bulk.remaining + granted) / BigInt(Math.max(1, wants.length));
  return serve(serve(bulk, wants, share), wants, undefined);
}

/** Raises each grant to what is needed, at most `ceiling`, as long as there is some left. */
function serve(
  bulk: Allocation,
  wants: readonly HolderWant[],
  ceiling: bigint | undefined,
): Allocation {
  let { remaining } = bulk;
  const grants = bulk.grants.map((grant, index) => {
    const { needed = 0n, largestReservation = 0n } = wants[index]?.want ?? {};
    const target =
      ceiling === undefined ? needed : wholeReservations(needed, ceiling, largestReservation);
    const missing = target - grant.amount;
    const more = missing < remaining ? missing : remaining;
    if (more <= 0n) return grant;
    remaining -= more;
    return { ...grant, amount: grant.amount + more };
  });
  return { mode: bulk.mode, grants, remaining };
}

function countHolders(
  page: LedgerPage,
  quota: string,
  wants: readonly HolderWant[],
  nowMs: number,
): number {
  const holders = new Set(wants.map((want) => want.holder));
  for (const lease of page.leasesOf(quota)) {
    if (lease.state === "open" && nowMs < lease.expireMs) holders.add(lease.holder);
  }
  return holders.size;
}

interface Loan {
  readonly want: HolderWant;
  readonly open: OpenPeriod;
  readonly amount: bigint;
  readonly limit: bigint;
  readonly context: GrantContext;
}

/** Extends the holder's open lease of the period, or makes one; nothing granted: only renews. */
function lend(page: LedgerPage, instance: QuotaInstance, loan: Loan): Lease | undefined {
  const { want, open, amount, context } = loan;
  const expireMs = context.nowMs + lifeOf(instance);
  const running = page
    .leasesOf(instance.quota)
    .find((lease) => isExtendable(lease, want, open, context.nowMs));
  if (running === undefined && amount === 0n) return undefined;
  const { quota, periodStartMs } = open.account;
  if (amount > 0n) {
    const account = page.account(quota, periodStartMs) ?? open.account;
    page.putAccount(underAmount(account, loan.limit));
  }
  const lease =
    running === undefined
      ? newLease(instance, loan, expireMs)
      : extendLease(running, amount, expireMs);
  page.putLease(lease);
  return lease;
}

function isExtendable(lease: Lease, want: HolderWant, open: OpenPeriod, nowMs: number): boolean {
  return (
    lease.state === "open" &&
    lease.holder === want.holder &&
    lease.epoch === want.epoch &&
    lease.periodStartMs === open.account.periodStartMs &&
    nowMs < lease.expireMs
  );
}

function newLease(instance: QuotaInstance, loan: Loan, expireMs: number): Lease {
  const { want, open, amount, context } = loan;
  return {
    id: context.newLeaseId(),
    quota: instance.quota,
    periodStartMs: open.account.periodStartMs,
    validFromMs: open.validFromMs,
    validToMs: open.validToMs,
    rate: instance.period === "minute",
    holder: want.holder,
    epoch: want.epoch,
    granted: amount,
    spent: 0n,
    reserved: 0n,
    posted: 0n,
    heldLeased: amount,
    heldPending: 0n,
    state: "open",
    reportSequence: 0n,
    createMs: context.nowMs,
    expireMs,
  };
}
