import { RequestOutcome } from "@penstock/api";
import { serverLane } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startDrainRig } from "./src/drain-rig.ts";
import type { DrainRig } from "./src/drain-rig.ts";

const patience = { timeout: 60_000, interval: 100 };
const timeoutMs = 180_000;
const graceMs = 1_500;
const environment = { PENSTOCK_DRAIN_GRACE: `${graceMs}ms` };
const lengths = [1, 2, 3, 4, 5, 6, 7, 8];
const streams = 200;

serverLane("nats").describe("the drain of a router", () => {
  let rig: DrainRig;
  beforeAll(async () => {
    rig = await startDrainRig([...lengths, 60]);
  }, timeoutMs);
  afterAll(() => rig?.close(), timeoutMs);

  it("lets what is open end and leaves nothing behind", { timeout: timeoutMs }, async () => {
    const router = await rig.start("drain-a", environment);
    const { process: router_, ask } = router;
    const running = Promise.allSettled(
      Array.from({ length: streams }, (_, at) => ask(lengths[at % lengths.length] ?? 1, at)),
    );
    await vi.waitFor(async () => expect(await router.arrived()).toBe(streams), patience);
    router_.signal("SIGTERM");
    const signalledMs = performance.now();
    await vi.waitFor(async () => expect((await router_.look("/readyz")).status).toBe(503), {
      timeout: graceMs,
      interval: 20,
    });
    expect((await router_.look("/livez")).status).toBe(200);
    // Within the grace, who has not heard of it yet is still served.
    const during = ask(1);
    await during;
    await vi.waitFor(
      async () => await expect(ask(1)).rejects.toMatchObject({ code: "ECONNREFUSED" }),
      { timeout: graceMs + 10_000, interval: 300 },
    );
    expect(performance.now() - signalledMs).toBeGreaterThan(graceMs - 100);
    const answers = await running;
    expect(await router_.ended).toBe(0);
    const ends = answers.map((answer) =>
      answer.status === "fulfilled" ? answer.value.end : String(answer.reason),
    );
    expect(ends.filter((end) => end !== "complete")).toEqual([]);
    expect((await during).end).toBe("complete");
    expect(router.spoolFiles()).toEqual([]);
    await vi.waitFor(async () => {
      const records = await router.records();
      expect(records.length).toBeGreaterThan(streams);
      expect(records.every(({ event }) => event?.outcome === RequestOutcome.COMPLETED)).toBe(true);
    }, patience);
  });

  it(
    "is over 5 s after a second signal; who is cut off hears why",
    { timeout: timeoutMs },
    async () => {
      const router = await rig.start("drain-b", environment);
      const { process: router_, ask } = router;
      const running = Promise.all([ask(60, 0), ask(60, 4)]);
      await vi.waitFor(async () => expect(await router.arrived()).toBe(2), patience);
      router_.signal("SIGTERM");
      await vi.waitFor(async () => {
        expect((await router_.look("/readyz")).status).toBe(503);
      }, patience);
      // Another one, as the same within half a second counts once.
      router_.signal("SIGINT");
      const hurriedMs = performance.now();
      expect(await router_.ended).toBe(0);
      expect(performance.now() - hurriedMs).toBeLessThan(6_000);
      for (const transcript of await running) {
        expect(transcript.end).toBe("error");
        expect(transcript.error?.reason).toBe("DRAINING");
      }
      expect(router.spoolFiles()).toEqual([]);
    },
  );
});
