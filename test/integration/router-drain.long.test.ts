import { RequestOutcome } from "@penstock/api";
import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startDrainRig } from "./src/drain-rig.ts";
import type { DrainRig } from "./src/drain-rig.ts";

const patience = { timeout: 60_000, interval: 200 };
const timeoutMs = 420_000;
const streams = 1_000;
/** From one second to three minutes. */
const lengths = Array.from({ length: 20 }, (_, at) => 1 + Math.round((at * 179) / 19));
/** Those that are longer when the router has to end. */
const drainTimeoutMs = 120_000;

// Fault 35 of reliability.md.
serverLane("nats").describe("the drain of a router with 1,000 streams of 1 to 180 s", () => {
  let rig: DrainRig;
  beforeAll(async () => {
    rig = await startDrainRig(lengths);
  }, timeoutMs);
  afterAll(() => rig?.close(), timeoutMs);

  it("cuts none before its timeout and tells the rest why", { timeout: timeoutMs }, async () => {
    const router = await rig.start("drain-long", {
      PENSTOCK_DRAIN_TIMEOUT: `${drainTimeoutMs / 1_000}s`,
    });
    const running = Promise.allSettled(
      Array.from({ length: streams }, async (_, at) => {
        const answer = await router.ask(lengths[at % lengths.length] ?? 1, at);
        return { answer, endMs: performance.now() };
      }),
    );
    await vi.waitFor(async () => expect(await router.arrived()).toBe(streams), patience);
    router.process.signal("SIGTERM");
    const signalledMs = performance.now();
    const answers = await running;
    expect(await router.process.ended).toBe(0);
    const interrupted = answers.flatMap((one) => {
      if (one.status === "rejected") return [{ error: String(one.reason), afterMs: 0 }];
      const { answer, endMs } = one.value;
      if (answer.end === "complete") return [];
      const { reason = answer.end, message = "" } = answer.error ?? {};
      const error = reason === "DRAINING" ? reason : `${answer.door} ${reason}: ${message}`;
      return [{ error, afterMs: endMs - signalledMs }];
    });
    // The longest have a minute to go: they are the ones that hear of the drain.
    expect(interrupted.length).toBeGreaterThan(0);
    expect(new Set(interrupted.map(({ error }) => error))).toEqual(new Set(["DRAINING"]));
    expect(Math.min(...interrupted.map(({ afterMs }) => afterMs))).toBeGreaterThan(
      drainTimeoutMs - 100,
    );
    // Empty, or intact: an end waits 2 s for consumers, who get hundreds of records at once here.
    const left = router.spoolFiles();
    if (left.length > 0) process.stdout.write(`left for the next life: ${left.join(", ")}\n`);
    await vi.waitFor(async () => {
      const records = await router.records();
      expect(records).toHaveLength(streams);
      const failed = records.filter(({ event }) => event?.outcome !== RequestOutcome.COMPLETED);
      expect(failed).toHaveLength(interrupted.length);
    }, patience);
  });
});
