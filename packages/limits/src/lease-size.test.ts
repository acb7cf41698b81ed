import { describe, expect, it } from "vitest";

import { leaseAmount, maximumLeaseAmount } from "./lease-amount.ts";
import { needed, targetLeaseSize, wanted } from "./lease-size.ts";
import { createLease } from "./lease.ts";
import type { LeaseMode } from "./lease.ts";
import { reserve, settleReserved } from "./reservation.ts";
import { monotonicMs, wallMs } from "./time.ts";

const wall = wallMs(5);
const mono = monotonicMs(100);

function leaseOf(amount: number, mode: LeaseMode = "bulk") {
  const period = { periodStartMs: wallMs(0), periodEndMs: wallMs(60_000) };
  const grant = { leaseId: "lease-1", epoch: 3, sequence: 1, mode, amount, lifeMs: 10_000 };
  return createLease("limits/five", { ...grant, ...period }, mono);
}

describe("wanted", () => {
  const demand = { perSecond: 100, largestReservation: 7, waiting: 0 };

  it("is twice the demand of an interval, at least room for four reservations, less what is there", () => {
    expect(targetLeaseSize(100, 50)).toBe(210);
    expect(wanted(undefined, demand)).toBe(210);
    expect(wanted(leaseOf(200), demand)).toBe(10);
    expect(wanted(leaseOf(300), demand)).toBe(0);
    expect(wanted(undefined, { ...demand, perSecond: 101 })).toBe(217);
    expect(wanted(undefined, { ...demand, perSecond: 0.001 })).toBe(28);
    expect(wanted(undefined, { ...demand, perSecond: 0 })).toBe(0);
    expect(wanted(undefined, { ...demand, waiting: 500 })).toBe(500);
  });

  it("is exactly what waits in precise mode, and covers an overshoot", () => {
    const lease = leaseOf(10, "precise");
    expect(wanted(lease, demand)).toBe(0);
    expect(wanted(lease, { ...demand, waiting: 25 })).toBe(15);
    expect(needed(leaseOf(10), { ...demand, waiting: 25 })).toBe(15);
    expect(needed(leaseOf(10), demand)).toBe(0);
    expect(reserve(lease, 10, wall, mono)).toBe(true);
    settleReserved(lease, 10, 13);
    expect(wanted(lease, { ...demand, waiting: 25 })).toBe(28);
  });
});

describe("leaseAmount", () => {
  it("cuts at 2^53 - 1 and refuses negatives", () => {
    expect(leaseAmount(12n)).toBe(12);
    expect(leaseAmount(2n ** 60n)).toBe(maximumLeaseAmount);
    expect(() => leaseAmount(-1n)).toThrow(expect.objectContaining({ reason: "FIELD_INVALID" }));
  });
});
