import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RetryBudget, RetryBudgets } from "./retry-budget.ts";

describe("RetryBudget", () => {
  it("lets a quiet target be retried three times in ten seconds", () => {
    const budget = new RetryBudget();
    const allowed = [0, 1, 2, 3, 4].map((at) => {
      const room = budget.hasRoom(at);
      if (room) budget.retry(at);
      return room;
    });
    expect(allowed).toEqual([true, true, true, false, false]);
    expect(budget.hasRoom(10_500)).toBe(true);
  });

  it("never lets retries pass a fifth of the attempts and three in any window", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 300 }), (gaps) => {
        const budget = new RetryBudget();
        const times: { at: number; retry: boolean }[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          budget.attempt(now);
          times.push({ at: now, retry: false });
          if (!budget.hasRoom(now)) continue;
          budget.retry(now);
          times.push({ at: now, retry: true });
          const window = times.filter(({ at }) => at > now - 9_000);
          const retries = window.filter(({ retry }) => retry).length;
          const attempts = times.filter(({ at, retry }) => !retry && at > now - 10_000).length;
          expect(retries).toBeLessThanOrEqual(3 + attempts * 0.2);
        }
      }),
    );
  });

  it("keeps one budget for each target and each vendor", () => {
    const budgets = new RetryBudgets();
    expect(budgets.ofTarget("a")).toBe(budgets.ofTarget("a"));
    expect(budgets.ofTarget("a")).not.toBe(budgets.ofTarget("b"));
    expect(budgets.ofVendor("a")).not.toBe(budgets.ofTarget("a"));
  });
});
