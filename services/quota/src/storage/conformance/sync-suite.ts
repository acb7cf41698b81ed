import { GrantStatus, LeaseMode } from "@penstock/api";
import type { DatabaseServer } from "@penstock/database";
import { systemClock } from "@penstock/runtime";
import { expect, it } from "vitest";

import { warmUpLeases } from "../../leases/warm-up.ts";
import { TestLedger, budget, dropLedger, limit, sync, usageEvent, want } from "./test-ledger.ts";

/** What a router waits for, at most, when a request needs a lease (decisions §6). */
const routerPatienceMs = 150;

/** Getting warm before the first router asks. */
export function describeWarmUp(server: () => DatabaseServer): void {
  it("lends and takes back before the first router comes, and leaves nothing behind", async () => {
    const { db, queue } = await TestLedger.create(server(), limit("limits/five", 5n));
    expect(await warmUpLeases({ db, clock: systemClock, connections: 2 })).toBeGreaterThan(0);
    for (const table of ["quotas", "accounts", "leases", "holders", "sync_answers"] as const) {
      expect(await db.selectFrom(table).selectAll().execute()).toEqual([]);
    }
    const wants = [want("limits/five", 5n)];
    const { grants } = await queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    expect(grants[0]?.amount).toBe(5n);
  });

  it("gives up where the database can't, and does not throw", async () => {
    const { db } = await TestLedger.create(server());
    await dropLedger(server());
    expect(await warmUpLeases({ db, clock: systemClock, connections: 2 })).toBe(0);
  });
}

/** Lease syncs: amounts, idempotency and coalescing. */
export function describeGrants(server: () => DatabaseServer): void {
  it("lends a small limit precisely, up to the limit and no further", async () => {
    const { queue } = await TestLedger.create(server(), limit("limits/five", 5n));
    const ask = (holder: string, needed: bigint) =>
      queue.run(sync({ holder, sequence: 1n, wants: [want("limits/five", needed)] }));
    const [first] = (await ask("a/0", 3n)).grants;
    expect(first).toMatchObject({ status: GrantStatus.GRANTED, amount: 3n, limit: 5n });
    expect(first).toMatchObject({ mode: LeaseMode.PRECISE, available: 2n });
    const [second] = (await ask("b/0", 3n)).grants;
    expect(second).toMatchObject({ status: GrantStatus.GRANTED, amount: 2n });
    const [third] = (await ask("c/0", 1n)).grants;
    expect(third).toMatchObject({ status: GrantStatus.EXHAUSTED, amount: 0n });
    expect(third?.resetTime).toBeDefined();
  });

  it("gives a repeated sync the same answer, also among others at once", async () => {
    const ledger = await TestLedger.create(server(), budget("budgets/b", 1_000_000n));
    const wants = [want("budgets/b", 10n, { wanted: 100n, demandPerSecond: 40 })];
    const request = sync({ holder: "a/0", sequence: 1n, wants });
    const [first, second] = await Promise.all([
      ledger.queue.run(request),
      ledger.queue.run(request),
    ]);
    expect(second).toEqual(first);
    const { queue } = ledger;
    await queue.run(sync({ holder: "a/0", sequence: 2n }));
    expect(await queue.run(request)).toEqual(first);
    expect((await ledger.balance("budgets/b")).leased).toBe(first.grants[0]?.amount);
  });

  it("lends all there is and not more to forty callers at once", async () => {
    const { queue } = await TestLedger.create(server(), budget("budgets/b", 100n));
    const wants = [want("budgets/b", 10n, { largestReservation: 10n })];
    const holders = Array.from({ length: 40 }, (_, index) => `r${index}/0`);
    const answers = await Promise.all(
      holders.map((holder) => queue.run(sync({ holder, sequence: 1n, wants }))),
    );
    const granted = answers.reduce((sum, answer) => sum + (answer.grants[0]?.amount ?? 0n), 0n);
    expect(granted).toBe(100n);
  });

  it("tells a quota that is not known yet from one that is gone", async () => {
    const { queue } = await TestLedger.create(server());
    const wants = [want("limits/new", 1n)];
    const early = await queue.run(sync({ holder: "a/0", sequence: 1n, revision: 2n, wants }));
    expect(early.grants[0]?.status).toBe(GrantStatus.NOT_YET);
    const late = await queue.run(sync({ holder: "a/0", sequence: 2n, revision: 1n, wants }));
    expect(late.grants[0]?.status).toBe(GrantStatus.GONE);
  });
}

/** How long a sync takes. */
export function describeSyncSpeed(server: () => DatabaseServer): void {
  it("is fast enough for a waiting request, also while usage is posted", async () => {
    const quota = "budgets/b";
    const ledger = await TestLedger.create(server(), budget(quota, 1_000_000_000n));
    const atMs = ledger.clock.wallMs();
    let sequence = 0n;
    const batch = (): Uint8Array[] =>
      Array.from({ length: 200 }, () => {
        sequence += 1n;
        return usageEvent({ replica: "a", sequence }, [{ quota, settled: 1n, atMs }]);
      });
    const batches = Array.from({ length: 10 }, batch);
    let posting = true;
    const post = async (): Promise<void> => {
      for (const events of batches) await ledger.deliver(...events);
      posting = false;
    };
    const posted = post();
    const durations: number[] = [];
    for (let number = 1n; posting || number <= 40n; number += 1n) {
      const startedAt = performance.now();
      const wants = [want(quota, 10n, { wanted: 100n, demandPerSecond: 40 })];
      await ledger.queue.run(sync({ holder: "h/0", sequence: number, wants }));
      durations.push(performance.now() - startedAt);
    }
    await posted;
    const sorted = durations.toSorted((a, b) => a - b);
    // The median, because a machine that runs other tests may stall for longer than any limit.
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(routerPatienceMs);
    expect((await ledger.balance(quota)).posted).toBe(2_000n);
  });
}
