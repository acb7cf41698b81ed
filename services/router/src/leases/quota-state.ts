import {
  alwaysPreciseLimit,
  available,
  closeLease,
  createDemand,
  createLease,
  expireLease,
  isUsable,
  mergeGrant,
  releaseReservation,
  reserve,
  settleReservation,
} from "@penstock/limits";
import type { Demand, LeaseGrant, LeaseState, MonotonicMs, WallMs } from "@penstock/limits";
import type { CompiledQuota } from "@penstock/snapshot";
import type { Hold } from "./reservation.ts";
import {
  bootstrapAllowance,
  cappedAllowance,
  createAllowance,
  settleAllowance,
  takeAllowance,
} from "./unleased-allowance.ts";

/** A lease and what quota was last told of it, and has confirmed to have heard. */
export interface HeldLease {
  readonly lease: LeaseState;
  reportedSpent: number;
  reportedReserved: number;
  reportedClosed: boolean;
}

/** How long "exhausted" is believed without asking again. */
const exhaustedMs = 250;

/** How long "gone" is believed; by then the configuration has followed. */
const goneMs = 10_000;

/** The moment in both times; `wall` is quota's, for the periods of leases. */
export interface Moment {
  readonly monotonic: MonotonicMs;
  readonly wall: WallMs;
}

/** What a router knows of one quota instance. */
export class QuotaState {
  readonly key: string;
  quota: CompiledQuota;
  current: HeldLease | undefined;
  /** Closed leases that requests still hold, or whose end quota has not heard of. */
  readonly retiring: Set<HeldLease> = new Set();
  readonly demand: Demand;
  lastUsed: MonotonicMs;
  /** When the present lease last had room for a request. */
  lastServed: MonotonicMs;
  /** When quota last gave less than was needed; -Infinity: never. */
  shortAt = -Infinity;
  /** What quota says that it could still grant; of meaning until `exhaustedUntil`. */
  exhaustedAvailable = 0;
  exhaustedUntil = -Infinity;
  resetTimeMs: number | undefined;
  #goneUntil = -Infinity;
  #bootstrapping = false;
  readonly #bootstrap;
  readonly #capped;

  constructor(key: string, quota: CompiledQuota, now: MonotonicMs) {
    this.key = key;
    this.quota = quota;
    this.demand = createDemand(now);
    this.lastUsed = now;
    this.lastServed = now;
    this.#bootstrap = createAllowance(now);
    this.#capped = createAllowance(now);
  }

  /** The quota was compiled anew. What quota said of its old form is forgotten. */
  adopt(quota: CompiledQuota): void {
    this.quota = quota;
    this.exhaustedUntil = -Infinity;
    this.#goneUntil = -Infinity;
  }

  /** Holds `amount`, or undefined: there is no room as far as is known here. */
  take(amount: number, at: Moment): Hold | undefined {
    this.lastUsed = at.monotonic;
    if (at.monotonic < this.#goneUntil) return this.#hold(undefined, undefined, true);
    const held = this.current?.lease;
    if (held !== undefined) {
      const lease = reserve(held, amount, at.wall, at.monotonic);
      if (lease !== undefined) {
        this.lastServed = at.monotonic;
        return this.#hold(lease, undefined);
      }
    }
    if (amount === 0) return this.#hold(undefined, undefined);
    if (!this.#bootstrapping) return undefined;
    const cap = bootstrapAllowance(this.quota);
    if (!takeAllowance(this.#bootstrap, this.quota, amount, cap, at.monotonic)) return undefined;
    return this.#hold(undefined, this.#bootstrap);
  }

  /**
   * Holds `amount` by the quota's rule for when quota can't be asked; undefined: denied. A quota
   * that is always precise keeps its exactness while quota is only slow: its capped allowance is
   * for when quota is `away`.
   */
  takeUnavailable(amount: number, now: MonotonicMs, away: boolean): Hold | undefined {
    if (this.quota.onUnavailable === "allow") return this.#hold(undefined, undefined);
    if (this.quota.onUnavailable === "deny") return undefined;
    if (!away && this.quota.amount <= alwaysPreciseLimit) return undefined;
    const cap = cappedAllowance(this.quota);
    if (!takeAllowance(this.#capped, this.quota, amount, cap, now)) return undefined;
    return this.#hold(undefined, this.#capped);
  }

  /** Ends a hold with what was used, undefined for nothing. */
  end(hold: Hold, amount: number, actual: number | undefined): void {
    if (hold.lease !== undefined) {
      if (actual === undefined) releaseReservation(hold.lease);
      else settleReservation(hold.lease, actual);
    }
    if (hold.allowance !== undefined) settleAllowance(hold.allowance, amount, actual ?? 0);
  }

  /** What could be reserved now; 0 without a lease. */
  room(at: Moment): number {
    const lease = this.current?.lease;
    if (lease === undefined || !isUsable(lease, at.wall, at.monotonic)) return 0;
    return Math.max(0, available(lease));
  }

  /** Whether quota has said lately that there is not enough left for `amount`. */
  isExhausted(amount: number, at: Moment): boolean {
    if (at.monotonic >= this.exhaustedUntil) return false;
    return amount - this.room(at) > this.exhaustedAvailable;
  }

  /** Takes a grant; `requestedAt` is when quota was first asked for it. */
  granted(grant: LeaseGrant, requestedAt: MonotonicMs): void {
    this.#bootstrapping = false;
    const held = this.current;
    if (held?.lease.leaseId === grant.leaseId) {
      mergeGrant(held.lease, grant, requestedAt);
      return;
    }
    const retired = [...this.retiring].some(({ lease }) => lease.leaseId === grant.leaseId);
    if (retired || grant.amount === 0) return;
    this.close();
    this.lastServed = requestedAt;
    this.current = {
      lease: createLease(this.key, grant, requestedAt),
      reportedSpent: 0,
      reportedReserved: 0,
      reportedClosed: false,
    };
  }

  /** Quota could grant no more than `left`, until about `resetTimeMs` by the wall clock. */
  ranOut(left: number, resetTimeMs: number | undefined, at: Moment): void {
    const untilResetMs = resetTimeMs === undefined ? exhaustedMs : resetTimeMs - at.wall;
    this.exhaustedUntil = at.monotonic + Math.min(exhaustedMs, Math.max(0, untilResetMs));
    this.exhaustedAvailable = left;
    this.resetTimeMs = resetTimeMs;
  }

  /** Quota does not know it yet: a small allowance stands in. */
  notYet(): void {
    this.#bootstrapping = true;
  }

  /** Quota says that it was deleted. */
  gone(now: MonotonicMs): void {
    this.#goneUntil = now + goneMs;
  }

  get isBootstrapping(): boolean {
    return this.#bootstrapping;
  }

  /** Closes the lease, if there is one; requests that hold a part of it go on. */
  close(): void {
    const held = this.current;
    if (held === undefined) return;
    closeLease(held.lease);
    this.retiring.add(held);
    this.current = undefined;
  }

  /** Closes the lease when its time is over. */
  expire(at: Moment): void {
    const held = this.current;
    if (held !== undefined && expireLease(held.lease, at.wall, at.monotonic)) this.close();
  }

  #hold(lease: Hold["lease"], allowance: Hold["allowance"], exempt = false): Hold {
    return { state: this, lease, allowance, exempt };
  }
}
