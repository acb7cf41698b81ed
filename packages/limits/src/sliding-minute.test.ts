import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  releaseTime,
  resetTimeMs,
  slotStart,
  slotsInWindow,
  spendInSlot,
  used,
  windowLengthMs,
} from "./sliding-minute.ts";
import type { SlotAmount } from "./sliding-minute.ts";
import { wallMs } from "./time.ts";

interface Spending {
  readonly at: number;
  readonly amount: bigint;
}

/** Offers amounts in order of time; returns what was admitted and the slots after it. */
function run(limit: bigint, offers: readonly { waitMs: number; amount: bigint }[]) {
  const admitted: Spending[] = [];
  let slots: SlotAmount[] = [];
  let now = 1_700_000_000_000;
  for (const offer of offers) {
    now += offer.waitMs;
    if (used(slots, wallMs(now)) + offer.amount > limit) continue;
    slots = spendInSlot(slots, wallMs(now), offer.amount);
    admitted.push({ at: now, amount: offer.amount });
  }
  return { admitted, slots, now };
}

const wait = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 12_000 }),
  fc.constantFrom(0, 1, 9_999, 10_000, 10_001, 59_999, 60_000, 60_001, 69_999, 70_000),
);
const offers = fc.array(fc.record({ waitMs: wait, amount: fc.bigInt({ min: 1n, max: 7n }) }), {
  maxLength: 120,
});
const limits = fc.bigInt({ min: 1n, max: 30n });

describe("sliding minute", () => {
  it("admits at most the limit in any closed window of 60 s", () => {
    fc.assert(
      fc.property(limits, offers, (limit, list) => {
        const { admitted } = run(limit, list);
        // Every window is covered by one that ends with an admission.
        for (const last of admitted) {
          const inWindow = admitted.filter(
            (one) => one.at >= last.at - windowLengthMs && one.at <= last.at,
          );
          const sum = inWindow.reduce((total, one) => total + one.amount, 0n);
          expect(sum).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("would admit twice the limit with six slots only, which is why it keeps seven", () => {
    const spentAt = 9_999;
    const later = wallMs(60_000);
    expect(later - spentAt).toBeLessThan(windowLengthMs);
    expect(slotsInWindow(later).slice(1)).not.toContain(slotStart(wallMs(spentAt)));
    expect(slotsInWindow(later)).toContain(slotStart(wallMs(spentAt)));
  });

  it("frees an amount 60 to 70 s after it was spent", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (at) => {
        const slots = spendInSlot([], wallMs(at), 1n);
        expect(used(slots, wallMs(at + 60_000))).toBe(1n);
        expect(used(slots, wallMs(at + 70_000))).toBe(0n);
      }),
    );
  });

  it("counts exactly the slots it lists", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100_000, max: 2 ** 45 }), (at) => {
        const now = wallMs(at);
        const starts = slotsInWindow(now);
        expect(starts).toHaveLength(7);
        expect(starts.at(-1)).toBe(slotStart(now));
        for (const start of starts) expect(now).toBeLessThan(releaseTime(start));
        const older = wallMs((starts[0] ?? 0) - 10_000);
        expect(now).toBeGreaterThanOrEqual(releaseTime(older));
      }),
    );
  });

  it("keeps a bounded list that counts the same as all spending", () => {
    fc.assert(
      fc.property(offers, (list) => {
        const { admitted, slots, now } = run(10_000n, list);
        const all = admitted.map((one) => ({
          startMs: slotStart(wallMs(one.at)),
          amount: one.amount,
        }));
        expect(slots.length).toBeLessThanOrEqual(7);
        expect(used(slots, wallMs(now))).toBe(used(all, wallMs(now)));
      }),
    );
  });

  it("says the first moment at which an amount fits", () => {
    fc.assert(
      fc.property(limits, offers, fc.bigInt({ min: 1n, max: 30n }), (limit, list, amount) => {
        const { slots, now } = run(limit, list);
        const reset = resetTimeMs(slots, wallMs(now), limit, amount);
        expect(reset === undefined).toBe(amount > limit);
        if (reset === undefined) return;
        expect(used(slots, reset) + amount).toBeLessThanOrEqual(limit);
        if (reset === now) return;
        expect(used(slots, wallMs(reset - 1)) + amount).toBeGreaterThan(limit);
      }),
    );
  });

  it("never knows a reset when the limit was lowered below the amount", () => {
    const slots = [{ startMs: wallMs(0), amount: 50n }];
    expect(resetTimeMs(slots, wallMs(1), 5n, 6n)).toBeUndefined();
    expect(resetTimeMs(slots, wallMs(1), 5n, 5n)).toBe(70_000);
  });

  it("counts slots a little ahead of the clock, so that a clock set back makes no room", () => {
    const slots = spendInSlot([], wallMs(1_000_000), 3n);
    expect(used(slots, wallMs(940_000))).toBe(3n);
    expect(spendInSlot(slots, wallMs(940_000), 1n)).toHaveLength(2);
    expect(used(slots, wallMs(939_999))).toBe(0n);
    expect(spendInSlot(slots, wallMs(939_999), 1n)).toHaveLength(1);
  });

  it("never says to wait for longer than 130 s, however wrong a clock was", () => {
    const jump = fc.integer({ min: -100_000_000, max: 100_000_000 });
    const spending = fc.array(fc.tuple(jump, fc.bigInt({ min: 1n, max: 7n })), { maxLength: 40 });
    fc.assert(
      fc.property(limits, spending, (limit, list) => {
        const now = wallMs(1_700_000_000_000);
        const slots = list.map(([ahead, amount]) => ({
          startMs: slotStart(wallMs(now + ahead)),
          amount,
        }));
        const reset = resetTimeMs(slots, now, limit, limit);
        expect(reset).toBeDefined();
        expect((reset ?? 0) - now).toBeLessThanOrEqual(130_000);
      }),
    );
  });
});
