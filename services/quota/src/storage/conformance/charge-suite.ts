import type { DatabaseServer } from "@penstock/database";
import { expect, it } from "vitest";

import { TestLedger, budget, firstLease, sync, usageEvent, want } from "./test-ledger.ts";

/** What usage events do to the ledger. */
export function describeCharges(server: () => DatabaseServer): void {
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

  it("posts what was charged beyond its lease after the amount was raised, or lowered", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 10n));
    const wants = [want(quota, 10n)];
    const leaseId = firstLease(
      await ledger.queue.run(sync({ holder: "a/0", sequence: 1n, wants })),
    );
    const charge = (sequence: bigint, settled: bigint) =>
      ledger.deliver(usageEvent({ replica: "a", sequence }, [{ quota, settled, leaseId }]));
    expect(await charge(1n, 9n)).toEqual(["ack"]);
    ledger.configuration.quotas.set(quota, budget(quota, 20n));
    expect(await charge(2n, 3n)).toEqual(["ack"]);
    expect(await ledger.balance(quota)).toMatchObject({ posted: 12n, leased: 0n, overshoot: 0n });
    expect(await charge(3n, 10n)).toEqual(["ack"]);
    expect(await ledger.balance(quota)).toMatchObject({ posted: 22n, overshoot: 2n });
    ledger.configuration.quotas.set(quota, budget(quota, 5n));
    expect(await charge(4n, 1n)).toEqual(["ack"]);
    expect(await ledger.balance(quota)).toMatchObject({ posted: 23n, overshoot: 3n });
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

  it("gives up an event that can never be posted, and confirms it with its neighbours", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 10n));
    const atMs = ledger.clock.wallMs();
    const charge = { quota, settled: 2n ** 63n - 1n, atMs };
    const event = (sequence: bigint, settled = charge.settled) =>
      usageEvent({ replica: "a", sequence }, [{ ...charge, settled }]);
    const batch = [event(1n), event(2n, 0n), event(3n)];
    expect(await ledger.deliver(...batch)).toEqual(["ack", "ack", { retryAfterMs: 1_000 }]);
    expect(ledger.confirmed.get("quota.a.1")).toBe(2n);
    expect(await ledger.deliverAgain(31, event(3n), event(4n, 0n))).toEqual(["reject", "ack"]);
    expect(ledger.confirmed.get("quota.a.1")).toBe(4n);
    expect((await ledger.balance(quota)).posted).toBe(charge.settled);
  });

  it("confirms a malformed event, so that its router need not keep it for ever", async () => {
    const ledger = await TestLedger.create(server());
    const malformed = usageEvent({ replica: "a", sequence: 1n }, [], "no-uuid");
    expect(await ledger.deliver(malformed)).toEqual(["reject"]);
    expect(ledger.confirmed.get("quota.a.1")).toBe(1n);
  });

  it("counts a charge of a time that no calendar has now, and its neighbours too", async () => {
    const ledger = await TestLedger.create(server(), budget(quota, 10n));
    const atMs = ledger.clock.wallMs();
    const never = { quota, settled: 1n, atMs: 8_640_000_000_000_000 };
    const event = usageEvent({ replica: "a", sequence: 1n }, [never, { quota, settled: 2n, atMs }]);
    expect(await ledger.deliver(event)).toEqual(["ack"]);
    expect((await ledger.balance(quota)).posted).toBe(3n);
  });
}
