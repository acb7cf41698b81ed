import { describe, expect, it } from "vitest";

import type { Lease } from "../ledger/lease.ts";
import { LedgerPage } from "../ledger/ledger-page.ts";
import type { QuotaInstance } from "../ledger/ledger-page.ts";
import { grantLeases } from "./grant-leases.ts";
import type { HolderWant } from "./grant-leases.ts";

const nowMs = Date.UTC(2026, 0, 15, 12);

function instanceOf(kind: "limit" | "budget", amount: bigint): QuotaInstance {
  const quota = `${kind}s/one`;
  const period = kind === "limit" ? ("minute" as const) : ("day" as const);
  const unit = kind === "limit" ? ("requests" as const) : ("nano_usd" as const);
  const rule = { name: quota, kind, unit, amount, period, timeZone: "UTC", keyFor: () => quota };
  return { quota, resource: quota, unit, period, amount, definition: rule, usedMs: nowMs };
}

function burst(holder: string, needed: bigint, largestReservation: bigint): HolderWant {
  const want = { quota: "", needed, wanted: needed, largestReservation, demandPerSecond: 0 };
  return { holder, epoch: 1n, sequence: 1n, want };
}

function grant(instance: QuotaInstance, wants: readonly HolderWant[]) {
  const page = new LedgerPage({ instances: [instance], accounts: [], leases: [] });
  let leases = 0;
  const newLeaseId = (): string => `lease-${(leases += 1)}`;
  return grantLeases(page, instance, wants, { nowMs, newLeaseId });
}

describe("granting to a burst that waits", () => {
  it("gives one holder in one answer all that there is", () => {
    const grants = grant(instanceOf("budget", 80_000n), [burst("a/0", 500_000n, 10_000n)]);
    expect(grants.map(({ amount, available }) => [amount, available])).toEqual([[80_000n, 0n]]);
  });

  it("gives holders that come together equal shares, and what one leaves to the others", () => {
    const wants = [burst("a/0", 90n, 1n), burst("b/0", 10n, 1n), burst("c/0", 90n, 1n)];
    const amounts = grant(instanceOf("budget", 100n), wants).map(({ amount }) => amount);
    expect(amounts.reduce((sum, amount) => sum + amount)).toBe(100n);
    expect(amounts[1]).toBe(10n);
    for (const amount of amounts) expect(amount).toBeGreaterThanOrEqual(10n);
    expect(amounts[0]).toBeGreaterThanOrEqual(33n);
    expect(amounts[2]).toBeGreaterThanOrEqual(33n);
  });

  it("leaves no parts of requests with holders that come together", () => {
    for (const count of [2, 3, 5, 7]) {
      for (const amount of [70_000n, 80_000n, 99_999n]) {
        const wants = Array.from({ length: count }, (_, at) => burst(`${at}/0`, 100_000n, 10_000n));
        const grants = grant(instanceOf("budget", amount), wants);
        const served = grants.map((one) => one.amount / 10_000n).reduce((a, b) => a + b);
        expect([count, amount, served]).toEqual([count, amount, amount / 10_000n]);
      }
    }
  });

  it("says when one of the requests has room again, however many wait", () => {
    const wants = [burst("a/0", 5n, 1n), burst("b/0", 15n, 1n)];
    const [, late] = grant(instanceOf("limit", 5n), wants);
    expect(late).toMatchObject({ status: "exhausted", amount: 0n });
    expect(late?.resetMs).toBeGreaterThanOrEqual(nowMs + 60_000);
    expect(late?.resetMs).toBeLessThanOrEqual(nowMs + 80_000);
  });
});

describe("when there is room again in a budget", () => {
  const dayEndMs = Date.UTC(2026, 0, 16);
  const account = {
    quota: "budgets/one",
    periodStartMs: Date.UTC(2026, 0, 15),
    periodEndMs: dayEndMs,
    period: "day",
    posted: 182n,
    pending: 0n,
    leased: 18n,
    overshoot: 0n,
    highestAmount: 200n,
  } as const;
  const lent = (holder: string, reserved: bigint): Lease => ({
    id: "lent",
    quota: "budgets/one",
    periodStartMs: account.periodStartMs,
    validFromMs: account.periodStartMs,
    validToMs: dayEndMs,
    rate: false,
    holder,
    epoch: 1n,
    granted: 18n,
    spent: 0n,
    reserved,
    posted: 0n,
    heldLeased: 18n,
    heldPending: 0n,
    state: "open",
    reportSequence: 1n,
    createMs: nowMs - 1_000,
    expireMs: nowMs + 20_000,
  });
  const resetFor = (want: HolderWant, lease: Lease): number | undefined => {
    const instances = [instanceOf("budget", 200n)];
    const page = new LedgerPage({ instances, accounts: [account], leases: [lease] });
    const [instance] = instances;
    if (instance === undefined) throw new Error("one instance");
    return grantLeases(page, instance, [want], { nowMs, newLeaseId: () => "new" })[0]?.resetMs;
  };

  it("is the next period where the asker holds all that is left and needs more", () => {
    expect(resetFor(burst("a/0", 12n, 30n), lent("a/0", 0n))).toBe(dayEndMs);
  });

  it("is the next period also for what is only wished for ahead of need", () => {
    const ahead = burst("a/0", 0n, 30n);
    const wish = { ...ahead, want: { ...ahead.want, wanted: 10n } };
    expect(resetFor(wish, lent("a/0", 0n))).toBe(dayEndMs);
  });

  it("is soon while another holder, or a running request, holds what would be enough", () => {
    expect(resetFor(burst("a/0", 12n, 12n), lent("b/0", 0n))).toBe(nowMs + 1_000);
    expect(resetFor(burst("a/0", 12n, 12n), lent("a/0", 18n))).toBe(nowMs + 1_000);
  });
});
