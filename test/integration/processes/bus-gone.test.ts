import { fromJson } from "@bufbuild/protobuf";
import { ResourceSchema } from "@penstock/api";
import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askMany, endings, hardBudget, quickCostNanoUsd, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";

// NATS dies, hangs, or comes back with nothing, under two routers, policy, quota and telemetry.
// Fault table, rows 9 and 12; what it had acknowledged and lost is in acknowledged-lost.test.ts, a
// network that swallows everything in bus-partitioned.test.ts.

const patience = { timeout: 60_000, interval: 200 };
const testTimeoutMs = 120_000;
/** Decisions §7: how soon routers have a change once NATS is back. */
const catchUpMs = 10_000;

serverLane("nats").describe("NATS", () => {
  serverLane("postgres").describe("under a gateway that serves", suite);
});

function suite(): void {
  let rig: FaultRig;
  let asked = 0;

  beforeAll(async () => {
    rig = await startFaultRig();
  });
  afterAll(() => rig?.gateway.close());

  /** All are answered, whatever the bus does. */
  async function ask(count: number): Promise<void> {
    expect(endings(await askMany(rig.gateway, rig.hard, count))).toEqual({ complete: count });
    asked += count;
  }

  async function expectAllOnce(): Promise<void> {
    const filter = { virtualKey: "projects/p/virtualKeys/hard" };
    const count = async (): Promise<number> => {
      const page = await rig.gateway.control.usage.listUsageRecords({ filter, pageSize: 1_000 });
      const ids = page.usageRecords.map(({ event }) => event?.requestId);
      expect(new Set(ids).size).toBe(ids.length);
      return ids.length;
    };
    await expect.poll(count, patience).toBe(asked);
    const balance = async () =>
      (await rig.gateway.balances.getBalance({ quota: hardBudget })).balance;
    await expect
      .poll(balance, patience)
      .toMatchObject({ posted: BigInt(asked) * quickCostNanoUsd, pending: 0n, overshoot: 0n });
  }

  /** Nobody turns away from parts that serve without the bus; each says what it lacks. */
  async function expectReadyWithoutBus(): Promise<void> {
    for (const name of ["policy", "quota", "telemetry"] as const) {
      const look = () => rig.gateway.role(name).look("/readyz");
      await expect
        .poll(async () => (await look()).text, patience)
        .toMatch(/^ok\nbus: not connected/);
      expect((await look()).status).toBe(200);
    }
  }

  /** Changes a team; gives the revision. */
  async function change(displayName: string): Promise<bigint> {
    const team = fromJson(ResourceSchema, { team: { name: "teams/p", displayName } });
    return (await rig.gateway.control.resources.applyResources({ resources: [team] })).revision;
  }

  it(
    "is killed: everything is answered; what was used is recorded once it is back",
    async () => {
      await ask(10);
      await rig.gateway.nats.kill();
      await ask(20);
      await expectReadyWithoutBus();
      // Intent is PostgreSQL's: a change is taken now, and pushed later.
      const revision = await change("while the bus is away");
      await rig.gateway.nats.restart();
      const backMs = performance.now();
      await rig.gateway.waitForRevision(revision);
      expect(performance.now() - backMs).toBeLessThan(catchUpMs);
      await expectAllOnce();
    },
    testTimeoutMs,
  );

  it(
    "hangs for a moment: the same",
    async () => {
      rig.gateway.nats.pause();
      await ask(10);
      const revision = await change("while the bus hangs");
      await ask(10);
      rig.gateway.nats.resume();
      await rig.gateway.waitForRevision(revision);
      await expectAllOnce();
    },
    testTimeoutMs,
  );

  it(
    "comes back with an empty store: buckets and streams are made again",
    async () => {
      await rig.gateway.nats.kill();
      await ask(10);
      await rig.gateway.nats.restart({ store: "empty" });
      const revision = await change("into an empty store");
      const backMs = performance.now();
      await rig.gateway.waitForRevision(revision);
      expect(performance.now() - backMs).toBeLessThan(catchUpMs);
      await ask(10);
      await expectAllOnce();
    },
    testTimeoutMs,
  );
}
