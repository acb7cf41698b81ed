import { GrantStatus } from "@penstock/api";
import type { DatabaseServer } from "@penstock/database";
import { sql } from "kysely";
import { expect, it } from "vitest";

import { TestLedger, budget, firstLease, limit, sync, usageEvent, want } from "./test-ledger.ts";

const dayMs = 86_400_000;
const quota = "budgets/b";

/** What the end of leases does to what they hold. */
export function describeLeaseEnds(server: () => DatabaseServer): void {
  it.each([
    ["a/0", "a", "a_0"],
    ["a/2", "a_2", "a"],
  ])(
    "keeps money of dead holder %s until its last event is posted",
    async (holder, replica, other) => {
      const ledger = await TestLedger.create(server(), budget(quota, 10n));
      const wants = [want(quota, 10n)];
      const answer = await ledger.queue.run(sync({ holder, sequence: 1n, wants }));
      ledger.clock.advance(60_000);
      await ledger.sweep();
      const retiredEpochs = [{ epoch: 1n, lastSequence: 2n }];
      const reborn = sync({ holder, epoch: 2n, sequence: 1n, wants, retiredEpochs });
      expect((await ledger.queue.run(reborn)).grants[0]?.status).toBe(GrantStatus.EXHAUSTED);
      const leaseId = firstLease(answer);
      const charge = { quota, settled: 2n, leaseId };
      // Another worker's, of an epoch with the same number.
      for (const sequence of [1n, 2n])
        await ledger.deliver(usageEvent({ replica: other, sequence }, []));
      await ledger.deliver(usageEvent({ replica, sequence: 2n }, [charge]));
      await ledger.sweep();
      expect(await ledger.balance(quota)).toMatchObject({ posted: 2n, leased: 8n });
      await ledger.deliver(usageEvent({ replica, sequence: 1n }, [charge]));
      await ledger.sweep();
      expect(await ledger.balance(quota)).toMatchObject({ posted: 4n, leased: 0n, available: 6n });
    },
  );

  it("frees money of a holder that never comes back after 15 minutes", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 10n));
    const wants = [want(quota, 10n)];
    await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    ledger.clock.advance(29_000 + 900_000);
    await ledger.sweep();
    expect((await ledger.balance(quota)).leased).toBe(10n);
    ledger.clock.advance(3_000);
    await ledger.sweep();
    expect((await ledger.balance(quota)).available).toBe(10n);
  });

  it("frees an idle rate 2 s after its lease ended, and a used one after the minute", async () => {
    const ledger = await TestLedger.create(server(), limit("limits/l", 100n));
    const wants = [want("limits/l", 30n, { largestReservation: 30n })];
    const answer = await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    const charges = [{ quota: "limits/l", settled: 10n, leaseId: firstLease(answer) }];
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, charges));
    ledger.clock.advance(11_900);
    await ledger.sweep();
    expect((await ledger.balance("limits/l")).available).toBe(70n);
    ledger.clock.advance(200);
    await ledger.sweep();
    expect((await ledger.balance("limits/l")).available).toBe(90n);
    ledger.clock.advance(58_000);
    await ledger.sweep();
    expect((await ledger.balance("limits/l")).available).toBe(100n);
  });
}

/** New periods, changed amounts and higher epochs. */
export function describeChanges(server: () => DatabaseServer): void {
  it("begins a new day once, and posts what began before it to the day before", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 10n, "Europe/Berlin"));
    const wants = [want(quota, 6n)];
    const before = await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    ledger.clock.advance(dayMs);
    const after = await ledger.queue.run(sync({ holder: "a/0", sequence: 2n, wants }));
    expect(firstLease(after)).not.toBe(firstLease(before));
    expect(await ledger.balance(quota)).toMatchObject({ posted: 0n, leased: 6n });
    await ledger.deliver(
      usageEvent({ replica: "a", sequence: 1n }, [
        { quota, settled: 5n, leaseId: firstLease(before) },
      ]),
      usageEvent({ replica: "a", sequence: 2n }, [
        { quota, settled: 1n, leaseId: firstLease(after) },
      ]),
    );
    expect(await ledger.balance(quota)).toMatchObject({ posted: 1n, leased: 5n, available: 4n });
    ledger.configuration.quotas.set(quota, budget(quota, 10n, "Asia/Tokyo"));
    expect((await ledger.balance(quota)).posted).toBe(1n);
    const again = await ledger.queue.run(sync({ holder: "b/0", sequence: 1n, wants }));
    expect(again.grants[0]?.amount).toBe(4n);
  });

  it("takes what a day has used along when its budget becomes one of the month", async () => {
    // The clock of the test stands on the first day of a month: both periods begin at once.
    const ledger = await TestLedger.create(server(), budget(quota, 10n));
    const wants = [want(quota, 6n)];
    await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    ledger.configuration.quotas.set(quota, { ...budget(quota, 10n), period: "month" });
    const asked = await ledger.queue.run(sync({ holder: "b/0", sequence: 1n, wants }));
    expect(asked.grants[0]?.amount).toBe(4n);
    expect(await ledger.balance(quota)).toMatchObject({ leased: 10n, available: 0n });
    const endMs = Date.UTC(2026, 1, 1);
    expect((await ledger.balance(quota)).resetMs).toBe(endMs);
    ledger.configuration.quotas.set(quota, budget(quota, 12n));
    expect(await ledger.balance(quota)).toMatchObject({ leased: 10n, available: 2n });
    const back = await ledger.queue.run(sync({ holder: "b/0", sequence: 2n, wants }));
    expect(back.grants[0]?.amount).toBe(2n);
  });

  it("goes on counting the events of a replica that was silent for months", async () => {
    const ledger = await TestLedger.create(server());
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, []));
    await ledger.deliver(usageEvent({ replica: "a", epoch: 0n, sequence: 1n }, []));
    ledger.clock.advance(90 * dayMs);
    await ledger.prune();
    await ledger.deliver(usageEvent({ replica: "a", sequence: 2n }, []));
    expect(ledger.confirmed.get("quota.a.1")).toBe(2n);
  });

  it("deletes charges of rates faster than they come", async () => {
    const ledger = await TestLedger.create(server(), limit("limits/l", 10n));
    const atMs = ledger.clock.wallMs();
    const charges = Array.from({ length: 250 }, () => ({ quota: "limits/l", settled: 1n, atMs }));
    for (let sequence = 1n; sequence <= 5n; sequence += 1n) {
      await ledger.deliver(usageEvent({ replica: "a", sequence }, charges));
    }
    ledger.clock.advance(dayMs + 1);
    await ledger.prune();
    const { rows } = await sql<{ n: bigint }>`
      select count(*) as n from quota.transfers`.execute(ledger.db);
    expect(rows[0]?.n).toBe(0n);
  });

  it("lends nothing under a lowered amount, and at once under a raised one", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 100n));
    const atMs = ledger.clock.wallMs();
    const charges = [{ quota, settled: 50n, atMs }];
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, charges));
    const wants = [want(quota, 20n)];
    const lent = await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    ledger.configuration.quotas.set(quota, budget(quota, 30n));
    const report = { spent: 0n, reserved: 0n, closed: false, leaseId: firstLease(lent) };
    const reports = [{ ...report, sequence: 2n }];
    const refused = await ledger.queue.run(sync({ holder: "a/0", sequence: 2n, reports, wants }));
    expect(refused.grants[0]).toMatchObject({ status: GrantStatus.EXHAUSTED, available: 0n });
    expect(refused.revokedLeaseIds).toEqual([firstLease(lent)]);
    expect((await ledger.balance(quota)).available).toBe(0n);
    ledger.configuration.quotas.set(quota, budget(quota, 200n));
    const raised = await ledger.queue.run(sync({ holder: "b/0", sequence: 1n, wants }));
    expect(raised.grants[0]).toMatchObject({ status: GrantStatus.GRANTED, amount: 20n });
    ledger.configuration.quotas.delete(quota);
    const gone = await ledger.queue.run(sync({ holder: "b/0", sequence: 2n, wants }));
    expect(gone.grants[0]?.status).toBe(GrantStatus.GONE);
  });

  it("goes on with a holder that was started while the clock was days ahead", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 100n));
    const { clock, queue } = ledger;
    const wants = [want(quota, 10n)];
    const rightMs = clock.wallMs();
    const epoch = BigInt(rightMs + 5 * dayMs) / 1_000n;
    const life = { holder: "a/0", sequence: 1n, wants };
    const refused = { reason: "FIELD_INVALID", fieldViolations: [{ field: "epoch" }] };
    await expect(queue.run(sync({ ...life, epoch }))).rejects.toMatchObject(refused);
    clock.setWall(rightMs + 5 * dayMs);
    await queue.run(sync({ ...life, epoch }));
    clock.setWall(rightMs);
    // Beside one that is refused, each gets its own answer.
    const [other, next, far, old] = await Promise.allSettled([
      queue.run(sync({ holder: "b/0", sequence: 1n, wants: [want(quota, 7n)] })),
      queue.run(sync({ ...life, epoch: epoch + 1n })),
      queue.run(sync({ ...life, epoch: epoch + 90_000n })),
      queue.run(sync({ ...life, epoch, sequence: 2n })),
    ]);
    expect(other).toMatchObject({ value: { grants: [{ amount: 7n }] } });
    expect(next).toMatchObject({ value: { newestEpoch: 0n, grants: [{ amount: 10n }] } });
    expect(far).toMatchObject({ reason: refused });
    expect(old).toMatchObject({ value: { newestEpoch: epoch + 1n, grants: [{ amount: 0n }] } });
    const unknown = queue.run(sync({ ...life, holder: "c/0", epoch: epoch + 1n }));
    await expect(unknown).rejects.toMatchObject(refused);
  });

  it("gives a lower epoch nothing, but takes its reports as usage", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 100n));
    const wants = [want(quota, 10n)];
    const old = await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    await ledger.queue.run(sync({ holder: "a/0", epoch: 2n, sequence: 1n }));
    const leaseId = firstLease(old);
    const report = { leaseId, spent: 3n, reserved: 0n, closed: false, sequence: 2n };
    const answer = await ledger.queue.run(
      sync({ holder: "a/0", sequence: 2n, reports: [report], wants }),
    );
    expect(answer.grants[0]).toMatchObject({ status: GrantStatus.EXHAUSTED, leaseId: "" });
    expect(answer.newestEpoch).toBe(2n);
    expect(answer.revokedLeaseIds).toEqual([leaseId]);
    expect(await ledger.balance(quota)).toMatchObject({ pending: 3n, leased: 7n });
  });
}
