import { RequestOutcome } from "@penstock/api";
import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startDrainRig } from "./src/drain-rig.ts";
import type { DrainRig } from "./src/drain-rig.ts";

const patience = { timeout: 60_000, interval: 100 };
const timeoutMs = 180_000;
const environment = { PENSTOCK_USAGE_DURABILITY: "bus_ack" };

serverLane("nats").describe("a router whose disk goes with it", () => {
  let rig: DrainRig;
  beforeAll(async () => {
    rig = await startDrainRig([1, 60]);
  }, timeoutMs);
  afterAll(() => rig?.close(), timeoutMs);

  it("has recorded once what ran when both were lost", { timeout: timeoutMs }, async () => {
    const lost = await rig.start("ack", environment);
    const ended = await Promise.all([lost.ask(1, 0), lost.ask(1, 4)]);
    expect(ended.map(({ end }) => end)).toEqual(["complete", "complete"]);
    const running = Promise.allSettled([0, 1, 2, 3].map((at) => lost.ask(60, at)));
    await vi.waitFor(async () => expect(await lost.arrived()).toBe(6), patience);
    lost.process.signal("SIGKILL");
    await lost.process.ended;
    await running;
    // It starts with an empty folder.
    const next = await rig.start("ack", environment);
    await vi.waitFor(async () => {
      const outcomes = (await next.records()).map(({ event }) => event?.outcome);
      expect(outcomes.filter((one) => one === RequestOutcome.INTERRUPTED)).toHaveLength(4);
      expect(outcomes.filter((one) => one === RequestOutcome.COMPLETED)).toHaveLength(2);
      expect(outcomes).toHaveLength(6);
    }, patience);
  });
});
