import { describe, expect, it } from "vitest";
import { balanceOf, whenAvailable } from "./balance.ts";
import { LedgerPage } from "./ledger-page.ts";
import { accountAt } from "./open-period.ts";

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

describe("a sliding minute after a clock that was two hours ahead", () => {
  const minute = {
    ...instance,
    quota: "limits/m",
    resource: "limits/m",
    period: "minute",
  } as const;
  const slotAt = (periodStartMs: number) =>
    ({ ...account, quota: "limits/m", period: "minute", periodStartMs }) as const;
  const nowMs = 1_700_000_000_000;

  it("has its room back at once, and never owes more than about two windows", () => {
    const ahead = slotAt(nowMs + 7_200_000);
    expect(balanceOf(minute, [ahead], nowMs)).toMatchObject({
      available: 100n,
      resetMs: undefined,
    });
    const accounts = [ahead, slotAt(nowMs + 60_000)];
    expect(balanceOf(minute, accounts, nowMs).available).toBe(0n);
    const whole = { whole: 100n, own: 0n };
    expect(whenAvailable(minute, accounts, nowMs, whole)).toBe(nowMs + 130_000);
  });

  it("counts what such a clock spent without a lease as of now", () => {
    const page = new LedgerPage({ instances: [minute], accounts: [], leases: [] });
    expect(accountAt(page, minute, nowMs + 7_200_000, nowMs)?.periodStartMs).toBe(nowMs);
    expect(accountAt(page, minute, nowMs + 60_000, nowMs)?.periodStartMs).toBe(nowMs + 60_000);
  });
});
