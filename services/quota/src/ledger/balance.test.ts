import { describe, expect, it } from "vitest";
import { whenAvailable } from "./balance.ts";

const dayMs = 86_400_000;
const instance = {
  quota: "budgets/day",
  resource: "budgets/day",
  unit: "nano_usd",
  period: "day",
  amount: 100n,
  definition: undefined,
  usedMs: 0,
} as const;
const account = {
  quota: "budgets/day",
  periodStartMs: 0,
  periodEndMs: dayMs,
  period: "day",
  posted: 30n,
  pending: 10n,
  leased: 60n,
  overshoot: 0n,
  highestAmount: 100n,
} as const;

describe("whenAvailable", () => {
  it("is soon where only lent amounts are in the way, and the end of the period otherwise", () => {
    expect(whenAvailable(instance, [account], 5_000, { whole: 60n, own: 0n })).toBe(6_000);
    expect(whenAvailable(instance, [account], 5_000, { whole: 61n, own: 40n })).toBe(dayMs);
  });
});
