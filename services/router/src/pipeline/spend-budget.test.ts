import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpendBudget } from "./spend-budget.ts";

const freeNanoUsd = 100_000_000n;

describe("SpendBudget", () => {
  it("lets 0.10 USD of a minute be spent twice, whatever else was spent", () => {
    const budget = new SpendBudget();
    const cost = 40_000_000n;
    const allowed = [0, 1, 2].map((at) => {
      const room = budget.hasRoom(at, cost);
      if (room) budget.repeat(at, cost);
      return room;
    });
    expect(allowed).toEqual([true, true, false]);
    expect(budget.hasRoom(70_000, cost)).toBe(true);
  });

  it("allows a tenth of what was spent", () => {
    const budget = new SpendBudget();
    budget.spent(0, 2_000_000_000n);
    expect([budget.hasRoom(1, 200_000_000n), budget.hasRoom(1, 200_000_001n)]).toEqual([
      true,
      false,
    ]);
  });

  it("does not mind what costs nothing", () => {
    const budget = new SpendBudget();
    budget.repeat(0, freeNanoUsd);
    expect([budget.hasRoom(1, 1n), budget.hasRoom(1, 0n)]).toEqual([false, true]);
  });

  it("never lets what is repeated pass a tenth of what was spent, or 0.10 USD", () => {
    const step = fc.record({
      gapMs: fc.nat(3_000),
      cost: fc.bigInt(0n, 60_000_000n),
      failed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const budget = new SpendBudget();
        const seen: { at: number; spent: bigint; repeated: bigint }[] = [];
        let now = 0;
        for (const { gapMs, cost, failed } of steps) {
          now += gapMs;
          budget.spent(now, cost);
          const repeats = failed && budget.hasRoom(now, cost);
          if (repeats) budget.repeat(now, cost);
          seen.push({ at: now, spent: cost, repeated: repeats ? cost : 0n });
          if (!repeats || cost === 0n) continue;
          // A window has six slots, so that what is certainly in it is the last 50 s.
          const sum = (since: number, of: "spent" | "repeated"): bigint =>
            seen.filter(({ at }) => at > now - since).reduce((total, one) => total + one[of], 0n);
          const repeated = sum(50_000, "repeated");
          const most = sum(60_000, "spent");
          expect(repeated <= freeNanoUsd || repeated * 10n <= most).toBe(true);
        }
      }),
    );
  });
});
