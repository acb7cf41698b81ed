import type { LeaseMode } from "./lease.ts";
import { maximumLeaseAmount } from "./lease-amount.ts";
import { assumedRoundTripMs, targetLeaseSize } from "./lease-size.ts";

/** Limits up to this are always lent precisely (decisions §6). */
export const alwaysPreciseLimit = 20n;

/** What kind of quota is lent: spending of a sliding minute, of a period, or a gauge. */
export type QuotaKind = "rate" | "budget" | "concurrency";

/** What one holder asks for, in the quota's unit. */
export interface LeaseWant {
  readonly holder: string;
  /** How much more than it has, ahead of need; see `wanted`. */
  readonly wanted: bigint;
  /** What its waiting requests lack now; precise mode lends this only. Absent: as `wanted`. */
  readonly needed?: bigint;
  /** The largest amount one of its requests reserved lately. */
  readonly largestReservation: bigint;
  readonly demandPerSecond: number;
}

/** The state of one quota in the granting transaction, and what is asked of it. */
export interface AllocationRequest {
  readonly kind: QuotaKind;
  readonly limit: bigint;
  /** Spent and in the ledger. Adjustments may make it negative, which gives room. */
  readonly posted: bigint;
  /** Held by requests whose outcome is not known yet. */
  readonly pending: bigint;
  /** Lent to all holders and not posted yet. */
  readonly leased: bigint;
  /** How many holders use the quota now, those in `wants` included. */
  readonly holders: number;
  readonly wants: readonly LeaseWant[];
  /** Round trip to the holders in milliseconds; default 50. */
  readonly roundTripMs?: number;
}

/** What one holder gets on top of what it has; may be 0, never negative. */
export interface LeaseAllotment {
  readonly holder: string;
  readonly amount: bigint;
}

/** The answer: one allotment per want, in the same order, and the mode of the quota from now on. */
export interface Allocation {
  readonly mode: LeaseMode;
  readonly grants: readonly LeaseAllotment[];
  /** What is left to lend after these grants; 0 when the limit is reached or was lowered below. */
  readonly remaining: bigint;
}

// A negative hold can only come from corruption; it must never make room.
function notNegative(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function activeHolders(request: AllocationRequest): bigint {
  const stated = Number.isSafeInteger(request.holders) ? request.holders : 0;
  return BigInt(Math.max(1, stated, request.wants.length));
}

function chooseMode(request: AllocationRequest, free: bigint): LeaseMode {
  if (request.limit <= alwaysPreciseLimit) return "precise";
  let largest = 1n;
  for (const want of request.wants) largest = larger(largest, want.largestReservation);
  return free < 2n * activeHolders(request) * largest ? "precise" : "bulk";
}

/**
 * The most of what was asked, up to `ceiling`, that is short of it by whole reservations. Holders
 * ask for what makes their room one of whole reservations: a part of one would lie there unused,
 * and parts at several holders make a request that all of them refuse.
 */
export function wholeReservations(asked: bigint, ceiling: bigint, reservation: bigint): bigint {
  if (asked <= ceiling) return asked;
  const size = larger(reservation, 1n);
  return notNegative(asked - ((asked - ceiling + size - 1n) / size) * size);
}

/**
 * What one holder gets in bulk mode: clamp(2·r·(T + RTT), m, A / (2·N)) with its demand r, its
 * largest reservation m, the free amount A and N holders, in whole reservations. The bulk condition
 * A >= 2·N·m makes the bounds meet. A gauge has no consumption per second, so there the want itself
 * is the size.
 */
function bulkAmount(
  request: AllocationRequest,
  want: LeaseWant,
  asked: bigint,
  free: bigint,
): bigint {
  const share = free / (2n * activeHolders(request));
  const reservation = larger(want.largestReservation, 1n);
  if (request.kind === "concurrency") return wholeReservations(asked, share, reservation);
  const roundTripMs = request.roundTripMs ?? assumedRoundTripMs;
  const size = BigInt(targetLeaseSize(want.demandPerSecond, roundTripMs));
  const ceiling = larger(size, reservation) + reservation - 1n;
  return wholeReservations(asked, smaller(ceiling, share), reservation);
}

function askedAmount(want: LeaseWant, mode: LeaseMode): bigint {
  const needed = notNegative(want.needed ?? want.wanted);
  return mode === "precise" ? needed : larger(needed, want.wanted);
}

/**
 * Divides what is left of a quota among those who ask (decisions §6, reliability §3.4). Precise
 * mode: each gets what its waiting requests lack, in the order of `wants`, as long as there is
 * some left. Bulk mode: each gets at most its lease size, so that half of the remainder stays for
 * others. Always posted + pending + leased + Σ grants <= limit, and no grants at all where the
 * limit is exceeded already (it may have been lowered).
 */
export function allocate(request: AllocationRequest): Allocation {
  const held = notNegative(request.pending) + notNegative(request.leased);
  const free = notNegative(request.limit - request.posted - held);
  const mode = chooseMode(request, free);
  let remaining = free;
  const grants = request.wants.map((want) => {
    const asked = smaller(askedAmount(want, mode), BigInt(maximumLeaseAmount));
    const lent = mode === "precise" ? asked : bulkAmount(request, want, asked, free);
    const amount = smaller(lent, remaining);
    remaining -= amount;
    return { holder: want.holder, amount };
  });
  return { mode, grants, remaining };
}
