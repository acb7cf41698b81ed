import { LeaseMode } from "@penstock/api";
import type { DatabaseServer } from "@penstock/database";
import { newUuidV7 } from "@penstock/runtime";
import { expect, it } from "vitest";

import { adjust } from "../../api/create-adjustment.ts";
import { findInstance } from "../../api/get-balance.ts";
import { TestLedger, budget, limit, sync, usageEvent, want } from "./test-ledger.ts";

/** Two replicas of the service at once: locks in one order, so nothing deadlocks or leaks. */
export function describeReplicas(server: () => DatabaseServer): void {
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

/** Two replicas are asked for one adjustment, of two quotas. */
export function describeAdjustments(server: () => DatabaseServer): void {
  it("adjusts once for each id, also when two quotas are to be adjusted at once", async () => {
    const one = await TestLedger.create(
      server(),
      budget("budgets/a", 100n),
      budget("budgets/b", 100n),
    );
    const two = one.replica(server());
    const adjustWith = async (ledger: TestLedger, quota: string, requestId: string) => {
      const instance = await findInstance(ledger, quota);
      const request = { quota, amount: 1n, reason: "race", requestId, actor: "operator" };
      return await adjust(ledger, instance, request);
    };
    for (let round = 0; round < 10; round += 1) {
      const requestId = newUuidV7();
      const [first, second] = await Promise.all([
        adjustWith(one, "budgets/a", requestId),
        adjustWith(two, "budgets/b", requestId),
      ]);
      expect(first.isNew).toBe(!second.isNew);
      expect(first.transfer.quota).toBe(second.transfer.quota);
    }
    const [a, b] = [await one.balance("budgets/a"), await one.balance("budgets/b")];
    expect(a.posted + b.posted).toBe(10n);
  });
}

/** The race that a budget exists for. */
export function describeRace(server: () => DatabaseServer): void {
  const quota = "budgets/b";

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
