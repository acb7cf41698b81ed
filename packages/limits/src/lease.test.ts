import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { maximumLeaseAmount } from "./lease-amount.ts";
import {
  available,
  closeLease,
  createLease,
  expireLease,
  isUsable,
  leaseExpiryMarginMs,
  mergeGrant,
  needsRenewal,
  returnable,
} from "./lease.ts";
import type { LeaseGrant } from "./lease.ts";
import { releaseReserved, reserve, settleReserved } from "./reservation.ts";
import { monotonicMs, wallMs } from "./time.ts";

const periodStart = 1_000_000;
const periodEnd = 1_060_000;
const wall = wallMs(periodStart + 5);
const mono = monotonicMs(100);

function grantOf(amount: number, change: Partial<LeaseGrant> = {}): LeaseGrant {
  return {
    leaseId: "lease-1",
    epoch: 3,
    sequence: 1,
    mode: "bulk",
    amount,
    periodStartMs: wallMs(periodStart),
    periodEndMs: wallMs(periodEnd),
    lifeMs: 10_000,
    ...change,
  };
}

const leaseOf = (granted: number, change: Partial<LeaseGrant> = {}) =>
  createLease("limits/five", grantOf(granted, change), mono);

type Step =
  | { kind: "reserve"; amount: number }
  | { kind: "settle"; which: number; actual: number }
  | { kind: "release"; which: number }
  | { kind: "grant"; more: number }
  | { kind: "close" }
  | { kind: "pass"; wallMs: number; monotonicMs: number };

const small = fc.integer({ min: 0, max: 40 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("reserve" as const), amount: small }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("settle" as const), which: fc.nat(), actual: small }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("release" as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("grant" as const), more: small }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      wallMs: fc.integer({ min: -2_000, max: 30_000 }),
      monotonicMs: fc.integer({ min: 0, max: 6_000 }),
    }),
  },
);

/** What a request holds of the lease, or held. */
interface Held {
  readonly amount: number;
  held: boolean;
  charged: number;
}

/** A lease beside a second, independent bookkeeping of what must be true of it. */
class Model {
  lease = leaseOf(100);
  all: Held[] = [];
  granted = 100;
  sequence = 1;
  wall: number = wall;
  monotonic: number = mono;

  apply(next: Step): void {
    const one =
      next.kind === "settle" || next.kind === "release" ? this.pick(next.which) : undefined;
    if (next.kind === "reserve") this.reserve(next.amount);
    else if (next.kind === "settle" && one) this.end(one, next.actual);
    else if (next.kind === "release" && one) this.end(one, undefined);
    else if (next.kind === "grant") this.grant(next.more);
    else if (next.kind === "close") closeLease(this.lease);
    else if (next.kind === "pass") this.pass(next.wallMs, next.monotonicMs);
  }

  pass(wallStepMs: number, monotonicStepMs: number): void {
    this.wall += wallStepMs;
    this.monotonic += monotonicStepMs;
  }

  pick(which: number): Held | undefined {
    const held = this.all.filter((one) => one.held);
    return held[which % Math.max(1, held.length)];
  }

  reserve(amount: number): void {
    const room = available(this.lease);
    const usable =
      !this.lease.closed &&
      this.monotonic < this.lease.expiresAtMonotonic &&
      this.wall >= periodStart &&
      this.wall < periodEnd;
    const made = reserve(this.lease, amount, wallMs(this.wall), monotonicMs(this.monotonic));
    expect(made).toBe(usable && amount <= room);
    if (made) this.all.push({ amount, held: true, charged: 0 });
  }

  end(one: Held, actual: number | undefined): void {
    if (actual === undefined) releaseReserved(this.lease, one.amount);
    else settleReserved(this.lease, one.amount, actual);
    one.held = false;
    one.charged = actual ?? 0;
  }

  grant(more: number): void {
    this.sequence += 1;
    const grant = grantOf(more, { sequence: this.sequence });
    const merge = () => mergeGrant(this.lease, grant, monotonicMs(this.monotonic));
    const open = !this.lease.closed;
    expect(merge()).toBe(open ? "merged" : "closed");
    expect(merge()).toBe(open ? "replayed" : "closed");
    if (open) this.granted += more;
  }

  check(): void {
    const { lease, all } = this;
    const held = all.filter((one) => one.held);
    const charged = all.reduce((sum, one) => sum + one.charged, 0);
    const over = all.reduce((sum, one) => sum + Math.max(0, one.charged - one.amount), 0);
    expect(lease.reserved).toBe(held.reduce((sum, one) => sum + one.amount, 0));
    expect(lease.spent).toBe(charged);
    expect(lease.overshoot).toBe(over);
    expect(lease.granted).toBe(this.granted);
    expect(available(lease)).toBe(lease.granted - lease.reserved - lease.spent);
    // Only settlements beyond their reservation can take more than was granted.
    expect(available(lease)).toBeGreaterThanOrEqual(-lease.overshoot);
    expect(returnable(lease)).toBe(lease.closed ? Math.max(0, available(lease)) : 0);
  }
}

describe("lease", () => {
  it("keeps its books over any sequence of events and leaks nothing", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const model = new Model();
        for (const next of steps) {
          model.apply(next);
          model.check();
        }
        for (const one of model.all) if (one.held) model.end(one, undefined);
        model.check();
        expect(model.lease.reserved).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  it("admits nothing once expired, before or after its period, or closed", () => {
    const lease = leaseOf(10);
    const expiry = mono + 10_000 - leaseExpiryMarginMs;
    expect(lease.expiresAtMonotonic).toBe(expiry);
    expect(isUsable(lease, wall, monotonicMs(expiry - 1))).toBe(true);
    expect(reserve(lease, 1, wall, monotonicMs(expiry))).toBe(false);
    expect(reserve(lease, 1, wallMs(periodEnd), mono)).toBe(false);
    expect(reserve(lease, 1, wallMs(periodStart - 1), mono)).toBe(false);
    expect(reserve(lease, 1, wallMs(periodEnd - 1), mono)).toBe(true);
    expect(closeLease(lease)).toBe(9);
    expect(reserve(lease, 1, wall, mono)).toBe(false);
  });

  it("gives back after closing what requests in flight did not use", () => {
    const lease = leaseOf(10);
    expect(reserve(lease, 6, wall, mono)).toBe(true);
    expect(expireLease(lease, wall, mono)).toBe(false);
    expect(returnable(lease)).toBe(0);
    expect(expireLease(lease, wallMs(periodEnd), mono)).toBe(true);
    expect(returnable(lease)).toBe(4);
    settleReserved(lease, 6, 2);
    expect(returnable(lease)).toBe(8);
  });

  it("lives on by a later grant, and ignores replays, other leases and other epochs", () => {
    const lease = leaseOf(10);
    const later = monotonicMs(20_000);
    expect(isUsable(lease, wall, later)).toBe(false);
    const next = grantOf(5, { mode: "precise", sequence: 3 });
    expect(mergeGrant(lease, next, later)).toBe("merged");
    expect(isUsable(lease, wall, later)).toBe(true);
    expect(mergeGrant(lease, next, later)).toBe("replayed");
    expect(mergeGrant(lease, grantOf(10, { sequence: 2 }), mono)).toBe("replayed");
    expect(lease).toMatchObject({ granted: 15, mode: "precise", expiresAtMonotonic: 29_500 });
    for (const change of [{ leaseId: "x" }, { epoch: 4 }, { periodEndMs: wallMs(periodEnd + 1) }]) {
      expect(mergeGrant(lease, grantOf(99, change), later)).toBe("other_lease");
    }
    expect(lease.granted).toBe(15);
  });

  it("refuses amounts that are no safe integers and never counts beyond them", () => {
    const invalid = expect.objectContaining({ reason: "FIELD_INVALID" });
    const lease = leaseOf(maximumLeaseAmount);
    for (const amount of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(() => reserve(lease, amount, wall, mono), `${amount}`).toThrow(invalid);
      expect(() => leaseOf(amount), `${amount}`).toThrow(invalid);
    }
    for (let count = 0; count < 2; count += 1) expect(reserve(lease, 1, wall, mono)).toBe(true);
    expect(() => settleReserved(lease, 1, -1)).toThrow(invalid);
    expect(lease.reserved).toBe(2);
    settleReserved(lease, 1, maximumLeaseAmount);
    settleReserved(lease, 1, maximumLeaseAmount);
    expect(lease).toMatchObject({ reserved: 0, spent: maximumLeaseAmount });
    mergeGrant(lease, grantOf(5, { sequence: 2 }), mono);
    expect(lease.granted).toBe(maximumLeaseAmount);
    expect(() => leaseOf(1, { lifeMs: 0 })).toThrow(invalid);
    expect(() => leaseOf(1, { periodEndMs: wallMs(periodStart) })).toThrow(invalid);
  });

  it("asks to be renewed below half of the latest grant, or of its life", () => {
    const lease = leaseOf(10);
    expect(needsRenewal(lease, mono)).toBe(false);
    reserve(lease, 5, wall, mono);
    expect(needsRenewal(lease, mono)).toBe(false);
    reserve(lease, 1, wall, mono);
    expect(needsRenewal(lease, mono)).toBe(true);
    mergeGrant(lease, grantOf(10, { sequence: 2 }), mono);
    expect(needsRenewal(lease, mono)).toBe(false);
    expect(needsRenewal(lease, monotonicMs(mono + 5_000))).toBe(true);
    const precise = leaseOf(10, { mode: "precise" });
    expect(needsRenewal(precise, monotonicMs(mono + 5_000))).toBe(false);
    reserve(precise, 10, wall, mono);
    expect(needsRenewal(precise, mono)).toBe(false);
    expect(needsRenewal(precise, monotonicMs(mono + 5_000))).toBe(true);
    closeLease(lease);
    expect(needsRenewal(lease, monotonicMs(mono + 5_000))).toBe(false);
  });
});
