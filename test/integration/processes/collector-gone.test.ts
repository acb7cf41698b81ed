import { serverLane, startFaultProxy, startOtlpReceiver } from "@penstock/test-support";
import type { FaultProxy, OtlpReceiver, ProxyFaults } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { endings, quick, startFaultRig } from "../src/fault-rig.ts";
import type { FaultRig } from "../src/fault-rig.ts";
import { SteadyCallers } from "../src/steady-callers.ts";

// The collector hangs or refuses connections. Fault table, row 47.

const patience = { timeout: 40_000, interval: 200 };
const testTimeoutMs = 120_000;
const enough = 60;
/** What a machine that others use may add to a median. */
const slackMedianMs = 500;
const faults: readonly ProxyFaults[] = [
  {
    toTarget: { cutAfterBytes: 0, cutBy: "silence" },
    toClient: { cutAfterBytes: 0, cutBy: "silence" },
    connections: "hang",
  },
  { connections: "reset" },
];

serverLane("nats").describe("the collector", () => {
  serverLane("postgres").describe("away under a gateway that serves", suite);
});

function suite(): void {
  let rig: FaultRig;
  let receiver: OtlpReceiver;
  let proxy: FaultProxy;

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    proxy = await startFaultProxy({ target: new URL(receiver.url).host });
    rig = await startFaultRig({
      environment: {
        ...receiver.environment,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://${proxy.address}`,
        OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
        OTEL_BSP_SCHEDULE_DELAY: "500",
        OTEL_TRACES_SAMPLER: "always_on",
      },
    });
  });
  afterAll(async () => {
    await rig?.gateway.close();
    await proxy?.close();
    await receiver?.close();
  });

  /** Spans that both routers have lost so far. */
  async function dropped(): Promise<number> {
    const texts = await Promise.all(
      (["router-1", "router-2"] as const).map((name) => rig.gateway.role(name).look("/metrics")),
    );
    return texts
      .flatMap(({ text }) => [...text.matchAll(/^penstock_spans_dropped_total\S* (\d+)$/gm)])
      .reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Asks for a while; gives the median, once all were answered. */
  async function askForAWhile(): Promise<number> {
    const callers = new SteadyCallers(rig.gateway, rig.free, {
      question: quick,
      callers: 4,
      pauseMs: 20,
    });
    await expect.poll(() => callers.answers.length, patience).toBeGreaterThan(enough);
    const answers = await callers.stop();
    expect(endings(answers)).toEqual({ complete: answers.length });
    const sorted = answers.map(({ elapsedMs }) => elapsedMs).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Infinity;
  }

  it(
    "costs no request anything, and what it did not get is counted",
    async () => {
      const healthyMs = await askForAWhile();
      await receiver.waitForSpans((spans) => spans.length > enough);
      expect(await dropped()).toBe(0);
      for (const fault of faults) {
        const before = await dropped();
        proxy.set(fault);
        proxy.resetAll();
        expect(await askForAWhile()).toBeLessThan(healthyMs + slackMedianMs);
        await expect.poll(dropped, patience).toBeGreaterThan(before);
      }
      proxy.set({});
      proxy.resetAll();
      receiver.clear();
      await askForAWhile();
      await receiver.waitForSpans((spans) => spans.length > enough, patience.timeout);
    },
    testTimeoutMs,
  );
}
