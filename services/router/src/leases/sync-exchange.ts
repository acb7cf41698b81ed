import { timestampMs } from "@bufbuild/protobuf/wkt";
import { GrantStatus, LeaseMode } from "@penstock/api";
import type {
  LeaseGrant,
  LeaseReport,
  LeaseWant,
  SyncLeasesRequest,
  SyncLeasesResponse,
} from "@penstock/api";
import {
  demandPerSecond,
  largestReservation,
  leaseAmount,
  needsRenewal,
  wallMs,
  wanted,
} from "@penstock/limits";
import type { MonotonicMs } from "@penstock/limits";
import type { LeaseBook } from "./lease-book.ts";
import type { HeldLease } from "./held-lease.ts";
import type { Moment, QuotaState } from "./quota-state.ts";

/** The most reports, and the most wishes, of one sync (proto SyncLeasesRequest). */
export const maximumItems = 10_000;
/** What reports and wishes may take; quota reads 4 MiB, and there is more in a sync. */
const maximumBytes = 3 * 1024 * 1024;
/** Tags and numbers of an item, at most. */
const itemBytes = 64;

/**
 * A lease that had room for nobody for so long is given back: another holder may be told meanwhile
 * that nothing is left, and two rests may make one request. Precise ones soon, as they exist only
 * where little is left; others late, as they carry a key that asks now and then over an outage of
 * quota.
 */
const idleMs = { precise: 1_000, bulk: 10_000 } as const;

/** Less demand than this, in units of the quota per second, is none. */
const leastDemand = 0.01;

/** A sync that is under way: what is sent, and what was said of which lease. */
export interface Exchange {
  readonly request: SyncLeasesRequest;
  readonly wantedBy: readonly QuotaState[];
  readonly reported: readonly { readonly state: QuotaState; readonly held: HeldLease }[];
  /** There was no room for all that was to be said: the rest waits for the next sync. */
  readonly isPartial: boolean;
}

/** Where the parts of a request are collected. */
interface Collection {
  readonly reports: LeaseReport[];
  readonly wants: LeaseWant[];
  readonly wantedBy: QuotaState[];
  readonly reported: { state: QuotaState; held: HeldLease }[];
  /** The most reports, and the most wishes. */
  readonly items: number;
  bytesLeft: number;
}

/** How much a sync may say. */
export interface ExchangeBounds {
  /** Whether to ask also for what is wanted ahead of need, as once a second. */
  readonly complete: boolean;
  /** The most reports, and the most wishes. */
  readonly items: number;
}

/** What identifies a sync. */
export type ExchangeIdentity = Pick<
  SyncLeasesRequest,
  "holder" | "epoch" | "sequence" | "retiredEpochs" | "revision"
>;

/**
 * Builds a sync: what waiting requests need, what changed on the leases, and, once a second, what
 * is wanted ahead of need. In this order: what has no room waits for the next sync.
 */
export function buildExchange(
  book: LeaseBook,
  identity: ExchangeIdentity,
  { complete, items }: ExchangeBounds,
): Exchange {
  const at = book.now();
  if (complete) book.dropIdle(at);
  const needs = book.waiting.needs(at);
  const bytesLeft = maximumBytes;
  const parts: Collection = {
    reports: [],
    wants: [],
    wantedBy: [],
    reported: [],
    items,
    bytesLeft,
  };
  const states = new Set([...needs.keys(), ...book.takeDirty()]);
  if (complete) for (const state of book.states().values()) states.add(state);
  let isPartial = false;
  for (const state of states) {
    state.expire(at);
    if (complete) returnIdle(state, needs, at);
    if (collect(state, needs.get(state) ?? 0, parts, at, complete)) continue;
    book.markDirty(state);
    isPartial = true;
  }
  const { reports, wants, wantedBy, reported } = parts;
  const request: SyncLeasesRequest = {
    $typeName: "penstock.quota.v1.SyncLeasesRequest",
    ...identity,
    reports,
    wants,
  };
  return { request, wantedBy, reported, isPartial };
}

function returnIdle(state: QuotaState, needs: Map<QuotaState, number>, at: Moment): void {
  const lease = state.current?.lease;
  if (lease === undefined || lease.reserved > 0 || needs.has(state)) return;
  if (at.monotonic - state.lastServed < idleMs[lease.mode]) return;
  if (state.room(at) > 0) state.close();
}

/** False: there was no room in the request for all of the state. */
function collect(
  state: QuotaState,
  waiting: number,
  parts: Collection,
  ...[at, complete]: [Moment, boolean]
): boolean {
  const held = [...state.retiring, ...(state.current === undefined ? [] : [state.current])];
  const changed = held.filter(hasNews);
  const fits = parts.reports.length === 0 || parts.reports.length + changed.length <= parts.items;
  const bytes = changed.reduce(
    (sum, { lease }) => sum + Buffer.byteLength(lease.leaseId) + itemBytes,
    0,
  );
  if (!fits || bytes > parts.bytesLeft) return false;
  parts.bytesLeft -= bytes;
  for (const one of changed) {
    parts.reports.push(report(one));
    parts.reported.push({ state, held: one });
  }
  const want = wish(state, waiting, at, complete);
  if (want === undefined) return true;
  const wantBytes = Buffer.byteLength(state.key) + itemBytes;
  if (parts.wants.length >= parts.items || wantBytes > parts.bytesLeft) return false;
  parts.bytesLeft -= wantBytes;
  parts.wants.push(want);
  parts.wantedBy.push(state);
  return true;
}

function hasNews(held: HeldLease): boolean {
  const { lease } = held;
  return (
    lease.spent !== held.reportedSpent ||
    lease.reserved !== held.reportedReserved ||
    lease.closed !== held.reportedClosed
  );
}

/** What is said of a lease as it is now. */
export function report({ lease }: HeldLease): LeaseReport {
  return {
    $typeName: "penstock.quota.v1.LeaseReport",
    leaseId: lease.leaseId,
    spent: BigInt(lease.spent),
    reserved: BigInt(lease.reserved),
    closed: lease.closed,
  };
}

function wish(
  state: QuotaState,
  waiting: number,
  ...[at, complete]: [Moment, boolean]
): LeaseWant | undefined {
  const lease = state.current?.lease;
  const perSecond = demandPerSecond(state.demand, at.monotonic);
  const largest = largestReservation(state.demand, at.monotonic);
  const needed = Math.max(0, waiting - state.room(at));
  const isAsked = perSecond > leastDemand && at.monotonic - state.lastUsed < idleMs.bulk;
  const ageing = lease === undefined ? isAsked : needsRenewal(lease, at.monotonic);
  if (needed === 0 && !(complete && ageing)) return undefined;
  const demand = { perSecond, largestReservation: largest, waiting };
  return {
    $typeName: "penstock.quota.v1.LeaseWant",
    quota: state.key,
    needed: BigInt(needed),
    wanted: BigInt(wanted(lease, demand)),
    largestReservation: BigInt(largest),
    demandPerSecond: perSecond,
  };
}

/**
 * Takes the answer. `requestedAt` is when this sync was first sent: a repeated answer counts from
 * there, so that no lease lives longer here than at quota.
 */
export function applyAnswer(
  book: LeaseBook,
  exchange: Exchange,
  answer: SyncLeasesResponse,
  requestedAt: MonotonicMs,
): void {
  if (answer.serverTime !== undefined) {
    book.setQuotaClock(timestampMs(answer.serverTime), requestedAt);
  }
  acknowledge(book, exchange);
  const at = book.now();
  for (const [index, state] of exchange.wantedBy.entries()) {
    const grant = answer.grants[index];
    if (grant?.quota !== state.key) continue;
    const sequence = Number(exchange.request.sequence);
    const needed = exchange.request.wants[index]?.needed ?? 0n;
    applyGrant(book, state, grant, { at, requestedAt, sequence, needed });
  }
  if (answer.revokedLeaseIds.length > 0) revoke(book, new Set(answer.revokedLeaseIds));
  book.waiting.retry();
}

/** The sync is given up: what it said is to be said anew, after what has waited for it. */
export function takeBack(book: LeaseBook, { wantedBy, reported }: Exchange): void {
  for (const { state } of reported) book.markDirty(state);
  for (const state of wantedBy) book.markDirty(state);
}

/** Quota has heard the reports; closed leases that nobody holds are done with. */
export function acknowledge(book: LeaseBook, { request, reported }: Exchange): void {
  for (const [index, { state, held }] of reported.entries()) {
    const said = request.reports[index];
    if (said === undefined) continue;
    held.reportedSpent = Number(said.spent);
    held.reportedReserved = Number(said.reserved);
    held.reportedClosed = said.closed;
    if (said.closed && held.lease.reserved === 0 && !hasNews(held)) state.retiring.delete(held);
    else if (hasNews(held)) book.markDirty(state);
  }
}

/** Which sync was answered, and when. */
interface AnsweredSync {
  readonly at: Moment;
  readonly requestedAt: MonotonicMs;
  readonly sequence: number;
  /** What waiting requests lacked. */
  readonly needed: bigint;
}

function applyGrant(
  book: LeaseBook,
  state: QuotaState,
  grant: LeaseGrant,
  { at, requestedAt, sequence, needed }: AnsweredSync,
): void {
  if (grant.status === GrantStatus.NOT_YET) return state.notYet();
  if (grant.status === GrantStatus.GONE) return state.gone(at.monotonic);
  const exhausted = grant.status === GrantStatus.EXHAUSTED;
  if (exhausted || grant.amount < needed) state.shortAt = at.monotonic;
  const { periodStartTime, periodEndTime, lifetime } = grant;
  const lifeMs = Number(lifetime?.seconds ?? 0n) * 1000 + (lifetime?.nanos ?? 0) / 1e6;
  const complete = periodStartTime !== undefined && periodEndTime !== undefined && lifeMs > 0;
  if (grant.leaseId !== "" && complete) {
    state.granted(
      {
        leaseId: grant.leaseId,
        epoch: Number(book.epoch),
        sequence,
        mode: grant.mode === LeaseMode.PRECISE ? "precise" : "bulk",
        amount: leaseAmount(grant.amount),
        periodStartMs: wallMs(timestampMs(periodStartTime)),
        periodEndMs: wallMs(timestampMs(periodEndTime)),
        lifeMs,
      },
      requestedAt,
    );
    book.markDirty(state);
  }
  const resetMs = grant.resetTime === undefined ? undefined : timestampMs(grant.resetTime);
  // Also with less than was needed: who gets nothing of it hears when there is room again.
  if (resetMs !== undefined) state.resetTimeMs = resetMs;
  if (!exhausted) return;
  state.ranOut(leaseAmount(grant.available), resetMs, at);
}

function revoke(book: LeaseBook, ids: ReadonlySet<string>): void {
  for (const state of book.states().values()) {
    const held = state.current;
    if (held === undefined || !ids.has(held.lease.leaseId)) continue;
    state.close();
    book.markDirty(state);
  }
}
