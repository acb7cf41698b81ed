import {
  alwaysPreciseLimit,
  available,
  closeLease,
  createDemand,
  createLease,
  expireLease,
  isUsable,
  mergeGrant,
  releaseReserved,
  reserve,
  settleReserved,
} from "@penstock/limits";
import type { Demand, LeaseGrant, MonotonicMs, WallMs } from "@penstock/limits";
import type { CompiledQuota } from "@penstock/snapshot";
import { HeldLease } from "./held-lease.ts";
import type { Hold } from "./reservation.ts";
import {
  bootstrapAllowance,
  cappedAllowance,
  createAllowance,
  settleAllowance,
  takeAllowance,
} from "./unleased-allowance.ts";
import type { UnleasedAllowance } from "./unleased-allowance.ts";

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
  /** Whether it is among those that have something quota has not heard of. For `LeaseBook`. */
  isDirty = false;
  readonly #bootstrap;
  readonly #capped;
  /** Of requests that hold nothing of it. */
  readonly #free = this.#holdOf(undefined);

  constructor(key: string, quota: CompiledQuota, now: MonotonicMs) {
    this.key = key;
    this.quota = quota;
    this.demand = createDemand(now);
    this.lastUsed = now;
    this.lastServed = now;
    this.#bootstrap = this.#holdOf(createAllowance(now));
    this.#capped = this.#holdOf(createAllowance(now));
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
    if (at.monotonic < this.#goneUntil) return { ...this.#free, exempt: true };
    const held = this.current;
    if (held !== undefined && reserve(held.lease, amount, at.wall, at.monotonic)) {
      this.lastServed = at.monotonic;
      return held.hold;
    }
    if (amount === 0) return this.#free;
    if (!this.#bootstrapping) return undefined;
    const cap = bootstrapAllowance(this.quota);
    return this.#takeOf(this.#bootstrap, amount, cap, at.monotonic);
  }

  /**
   * Holds `amount` by the quota's rule for when quota can't be asked; undefined: denied. A quota
   * that is always precise keeps its exactness while quota is only slow: its capped allowance is
   * for when quota is `away`.
   */
  takeUnavailable(amount: number, now: MonotonicMs, away: boolean): Hold | undefined {
    if (this.quota.onUnavailable === "allow") return this.#free;
    if (this.quota.onUnavailable === "deny") return undefined;
    if (!away && this.quota.amount <= alwaysPreciseLimit) return undefined;
    return this.#takeOf(this.#capped, amount, cappedAllowance(this.quota), now);
  }

  #takeOf(hold: Hold, amount: number, cap: number, now: MonotonicMs): Hold | undefined {
    const { allowance } = hold;
    if (allowance === undefined) return undefined;
    return takeAllowance(allowance, this.quota, amount, cap, now) ? hold : undefined;
  }

  /** Ends a hold of `amount` with what was used, undefined for nothing. */
  end({ held, allowance }: Hold, amount: number, actual: number | undefined): void {
    if (held !== undefined) {
      if (actual === undefined) releaseReserved(held.lease, amount);
      else settleReserved(held.lease, amount, actual);
    }
    if (allowance !== undefined) settleAllowance(allowance, amount, actual ?? 0);
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
    this.current = new HeldLease(this, createLease(this.key, grant, requestedAt));
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

  #holdOf(allowance: UnleasedAllowance | undefined): Hold {
    return { state: this, held: undefined, allowance, exempt: false };
  }
}
