import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { askMany, endings, hardBudget, quickCostNanoUsd, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";
import { changeTeam } from "../src/revisions.ts";

// The network to NATS swallows everything, and nobody is told: connections stay open for ever, also
// once the network works again, unless they are found to be dead. Fault table, row 10.

const patience = { timeout: 60_000, interval: 100 };
const testTimeoutMs = 120_000;
const links = ["routers-bus", "controls-bus"] as const;
const roles = ["policy", "quota", "telemetry", "router-1", "router-2"] as const;
/** The table's 20 s; pings make it 15 s. */
const noticedMs = 20_000;
const blackhole = {
  toTarget: { cutAfterBytes: 0, cutBy: "silence" },
  toClient: { cutAfterBytes: 0, cutBy: "silence" },
  connections: "hang",
} as const;

serverLane("nats").describe("a network that swallows what is sent to NATS", () => {
  serverLane("postgres").describe("under a gateway that serves", suite);
});

function suite(): void {
  let rig: FaultRig;
  let asked = 0;

  beforeAll(async () => {
    rig = await startFaultRig({ links });
  });
  afterAll(() => rig?.gateway.close());

  async function ask(count: number): Promise<void> {
    expect(endings(await askMany(rig.gateway, rig.hard, count))).toEqual({ complete: count });
    asked += count;
  }

  const gaveUp = (name: (typeof roles)[number]): boolean =>
    rig.gateway.role(name).output().includes('"bus connection lost, reconnecting"');

  /** Events that their router could not publish yet, over all workers. */
  async function queued(): Promise<number> {
    const texts = await Promise.all(
      (["router-1", "router-2"] as const).map((name) => rig.gateway.role(name).look("/metrics")),
    );
    const samples = texts.flatMap(({ text }) => [
      ...text.matchAll(/^penstock_usage_queued_events\S* (\d+)$/gm),
    ]);
    expect(samples.length).toBeGreaterThan(0);
    return samples.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async function recorded(): Promise<number> {
    const filter = { virtualKey: "projects/p/virtualKeys/hard" };
    const page = await rig.gateway.control.usage.listUsageRecords({ filter, pageSize: 1_000 });
    const ids = page.usageRecords.map(({ event }) => event?.requestId);
    expect(new Set(ids).size).toBe(ids.length);
    return ids.length;
  }

  it(
    "is noticed within 20 s; all is served, and recorded once it is over",
    async () => {
      await ask(10);
      await expect.poll(recorded, patience).toBe(asked);
      for (const link of links) rig.gateway.link(link).set(blackhole);
      const startMs = performance.now();
      const { revision } = await changeTeam(rig.gateway, "behind a black hole");
      await ask(20);
      expect(roles.filter(gaveUp)).toEqual([]);
      await expect.poll(() => roles.filter((name) => !gaveUp(name)), patience).toEqual([]);
      const tookMs = performance.now() - startMs;
      process.stdout.write(`a silent NATS is noticed after ${Math.round(tookMs)} ms\n`);
      expect(tookMs).toBeLessThan(noticedMs);
      // Nothing came through, and nothing is lost: it waits in the spools.
      await ask(10);
      await expect.poll(queued, patience).toBe(30);
      expect(await recorded()).toBe(10);
      // Connections of before stay silent: who did not give them up never recovers.
      for (const link of links) rig.gateway.link(link).set({});
      await expect.poll(recorded, patience).toBe(asked);
      await expect.poll(queued, patience).toBe(0);
      await rig.gateway.waitForRevision(revision);
      await rig.gateway.waitForRevision((await changeTeam(rig.gateway, "after it")).revision);
      const balance = async () =>
        (await rig.gateway.balances.getBalance({ quota: hardBudget })).balance;
      await expect
        .poll(balance, patience)
        .toMatchObject({ posted: BigInt(asked) * quickCostNanoUsd, pending: 0n, overshoot: 0n });
    },
    testTimeoutMs,
  );
}
