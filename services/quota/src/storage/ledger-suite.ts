import { GrantStatus, LeaseMode } from "@penstock/api";
import type { SyncLeasesResponse } from "@penstock/api";
import type { DatabaseServer } from "@penstock/database";
import { newUuidV7 } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { describeHistories } from "./ledger-history.ts";
import { describeSyncs } from "./sync-suite.ts";
import { TestLedger, budget, limit, sync, usageEvent, want } from "./test-ledger.ts";

const dayMs = 86_400_000;

/** What every database must do for the ledger; `open` gives an empty one. */
export function describeLedger(name: string, open: () => Promise<DatabaseServer>): void {
  describe(`the ledger on ${name}`, () => {
    let server: DatabaseServer;
    beforeAll(async () => {
      server = await open();
    });
    afterAll(() => server.close());

    describeSyncs(() => server);
    describeCharges(() => server);
    describeTime(() => server);
    describeReplicas(() => server);
    describeHistories(() => server, 20);
  });
}

function firstLease(answer: SyncLeasesResponse): string {
  return answer.grants[0]?.leaseId ?? "";
}

function describeCharges(server: () => DatabaseServer): void {
  const quota = "budgets/b";

  it("posts a charge once, however often its event is delivered", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 100n));
    const wants = [want(quota, 10n)];
    const leaseId = firstLease(
      await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants })),
    );
    const charges = [{ quota, settled: 4n, leaseId }];
    const event = usageEvent({ replica: "a", sequence: 1n }, charges);
    await ledger.deliver(event, event);
    await ledger.deliver(event);
    expect(await ledger.balance(quota)).toMatchObject({ posted: 4n, leased: 6n, pending: 0n });
    expect(ledger.confirmed.get("quota.a.1")).toBe(1n);
  });

  it("counts what is charged beyond the amount, and never goes below zero", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 10n));
    const atMs = ledger.clock.wallMs();
    const charges = [{ quota, settled: 25n, atMs, unleased: true }];
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, charges));
    const balance = await ledger.balance(quota);
    expect(balance).toMatchObject({ posted: 25n, overshoot: 15n, available: 0n });
  });

  it("holds reported spending as pending until its event comes", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 100n));
    const wants = [want(quota, 10n)];
    const leaseId = firstLease(
      await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants })),
    );
    const report = { leaseId, spent: 4n, reserved: 0n, closed: true, sequence: 2n };
    await ledger.queue.run(sync({ holder: "a/0", sequence: 2n, reports: [report] }));
    expect(await ledger.balance(quota)).toMatchObject({ pending: 4n, leased: 0n, available: 96n });
    const charges = [{ quota, settled: 4n, leaseId }];
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, charges));
    expect(await ledger.balance(quota)).toMatchObject({ posted: 4n, pending: 0n, available: 96n });
  });

  it("waits with a charge without a lease for the rule that it needs", async () => {
    const ledger = await TestLedger.create(server());
    ledger.configuration.revision = 0n;
    const charges = [{ quota, settled: 3n, atMs: ledger.clock.wallMs() }];
    const event = usageEvent({ replica: "a", sequence: 1n, revision: 1n }, charges);
    expect(await ledger.deliver(event)).toEqual([{ retryAfterMs: 1_000 }]);
    ledger.configuration.revision = 1n;
    ledger.configuration.quotas.set(quota, budget(quota, 10n));
    expect(await ledger.deliver(event)).toEqual(["ack"]);
    expect((await ledger.balance(quota)).posted).toBe(3n);
  });

  it("rejects what is no usage event, and acks what charges nothing", async () => {
    const ledger = await TestLedger.create(server());
    const empty = usageEvent({ replica: "a", sequence: 1n }, []);
    expect(await ledger.deliver(Uint8Array.of(255, 1), empty)).toEqual(["reject", "ack"]);
    expect(ledger.confirmed.get("quota.a.1")).toBe(1n);
  });
}

/** Two replicas of the service at once: locks in one order, so nothing deadlocks or leaks. */
function describeReplicas(server: () => DatabaseServer): void {
  it("keeps its sums while replicas lend, post, sweep and prune at once", async () => {
    const quotas = ["budgets/a", "budgets/b", "limits/c"];
    const one = await TestLedger.create(
      server(),
      budget("budgets/a", 5_000n),
      budget("budgets/b", 5_000n),
      limit("limits/c", 5_000n),
    );
    const two = one.replica(server());
    const atMs = one.clock.wallMs();
    const work = [one, two].flatMap((ledger, replica) =>
      Array.from({ length: 15 }, async (_, round) => {
        const order = round % 2 === 0 ? quotas : quotas.toReversed();
        const wants = order.map((quota) => want(quota, 20n));
        const identity = { holder: `r${round % 4}/${replica}`, sequence: BigInt(round + 1) };
        const answer = await ledger.queue.run(sync({ ...identity, wants }));
        const charges = answer.grants.map(({ quota, leaseId }) => ({
          quota,
          settled: 5n,
          leaseId,
          atMs,
        }));
        const sequence = BigInt(round + 1);
        const event = usageEvent({ replica: `r${replica}`, sequence }, charges);
        // Both replicas get it, as after a redelivery.
        await Promise.all([one.deliver(event), two.deliver(event), ledger.sweep()]);
        await ledger.prune();
      }),
    );
    await Promise.all(work);
    for (const quota of quotas) {
      const { posted, pending, leased } = await one.balance(quota);
      expect({ posted, pending, leased }).toEqual({ posted: 150n, pending: 0n, leased: 450n });
    }
    expect([one.confirmed, two.confirmed].flatMap((map) => [...map.values()])).toContain(15n);
  });
}

function describeTime(server: () => DatabaseServer): void {
  const quota = "budgets/b";

  it("keeps money of a dead holder until its last event is posted, then frees it", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 10n));
    const wants = [want(quota, 10n)];
    const answer = await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants }));
    ledger.clock.advance(60_000);
    await ledger.sweep();
    const retiredEpochs = [{ epoch: 1n, lastSequence: 2n }];
    const reborn = sync({ holder: "a/0", epoch: 2n, sequence: 1n, wants, retiredEpochs });
    expect((await ledger.queue.run(reborn)).grants[0]?.status).toBe(GrantStatus.EXHAUSTED);
    const leaseId = firstLease(answer);
    const charge = { quota, settled: 2n, leaseId };
    await ledger.deliver(usageEvent({ replica: "a", sequence: 2n }, [charge]));
    await ledger.sweep();
    expect(await ledger.balance(quota)).toMatchObject({ posted: 2n, leased: 8n });
    await ledger.deliver(usageEvent({ replica: "a", sequence: 1n }, [charge]));
    await ledger.sweep();
    expect(await ledger.balance(quota)).toMatchObject({ posted: 4n, leased: 0n, available: 6n });
  });

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
    expect(answer.revokedLeaseIds).toEqual([leaseId]);
    expect(await ledger.balance(quota)).toMatchObject({ pending: 3n, leased: 7n });
  });

  it("admits exactly ten when four holders race for room of ten", async () => {
    const cost = 1_000n;
    const ledger = await TestLedger.create(server(), budget(quota, 10n * cost + 500n));
    const holders = ["a", "b", "c", "d"];
    let admitted = 0n;
    for (let sequence = 1n; sequence <= 5n; sequence += 1n) {
      const answers = await Promise.all(
        holders.map((name) =>
          ledger.queue.run(
            sync({
              holder: `${name}/0`,
              sequence,
              wants: [want(quota, cost, { wanted: 4n * cost, largestReservation: cost })],
            }),
          ),
        ),
      );
      const events = answers.flatMap((answer, index) => {
        const [grant] = answer.grants;
        const count = (grant?.amount ?? 0n) / cost;
        admitted += count;
        return Array.from({ length: Number(count) }, (_, n) => {
          const id = { replica: holders[index] ?? "", sequence: 100n * sequence + BigInt(n) };
          return usageEvent(id, [{ quota, settled: cost, leaseId: grant?.leaseId ?? "" }]);
        });
      });
      expect(answers[0]?.grants[0]?.mode).toBe(
        sequence === 1n ? LeaseMode.BULK : LeaseMode.PRECISE,
      );
      await ledger.deliver(...events);
    }
    expect(admitted).toBe(10n);
    expect((await ledger.balance(quota)).posted).toBe(10n * cost);
    await ledger.deliver(usageEvent({ replica: "z", sequence: 1n }, [], newUuidV7()));
    expect((await ledger.balance(quota)).overshoot).toBe(0n);
  });
}
