import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHedgeBudget, mayHedge, saveForHedge, spendOnHedge } from "./hedge-budget.ts";

const shares = fc.double({ min: 0.001, max: 0.02, noNaN: true });

describe("the budget of second calls", () => {
  it("allows one, then one for every fifty requests", () => {
    const budget = createHedgeBudget();
    expect(spendOnHedge(budget)).toBe(true);
    for (let request = 1; request <= 200; request += 1) {
      saveForHedge(budget, 0.02);
      expect(mayHedge(budget)).toBe(request % 50 === 0);
      if (request % 50 === 0) expect(spendOnHedge(budget)).toBe(true);
    }
  });

  it("never exceeds its share by more than the free one, whatever comes in which order", () => {
    const steps = fc.array(fc.boolean(), { maxLength: 2_000 });
    fc.assert(
      fc.property(steps, shares, (asked, maxShare) => {
        const budget = createHedgeBudget();
        let [requests, calls] = [0, 0];
        for (const isRequest of asked) {
          const could = mayHedge(budget);
          if (isRequest) {
            saveForHedge(budget, maxShare);
            requests += 1;
          } else {
            expect(spendOnHedge(budget)).toBe(could);
            if (could) calls += 1;
          }
          expect(calls).toBeLessThanOrEqual(1 + requests * maxShare);
          expect(budget.saved).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it("saves at most ten, however long nothing was slow", () => {
    const budget = createHedgeBudget();
    for (let request = 0; request < 10_000; request += 1) saveForHedge(budget, 0.02);
    let calls = 0;
    while (spendOnHedge(budget)) calls += 1;
    expect(calls).toBe(10);
  });
});
