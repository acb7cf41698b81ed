import { ManualClock } from "@penstock/runtime";
import { describe, expect, it, vi } from "vitest";
import { describeConfigBucket } from "../conformance/config-bucket-suite.ts";
import { describeEventStream } from "../conformance/event-stream-suite.ts";
import type { StreamMessage } from "../event-stream.ts";
import { defaultTopology } from "../topology.ts";
import { createMemoryBus } from "./memory-bus.ts";

const roomy = { maxMessages: 1_000_000, maxBytes: 1e9 };
const narrow = { maxMessages: 100, maxBytes: 1e9 };

function open() {
  const clock = new ManualClock();
  const { usage } = defaultTopology;
  const topology = { ...defaultTopology, usage: { ...usage, consumers: [] } };
  const bus = createMemoryBus({ clock, topology, bounds: roomy });
  const smallBus = createMemoryBus({ clock, topology, bounds: narrow });
  return {
    bucket: bus.config,
    expiring: bus.routers,
    expireAfterMs: topology.routers.expireAfterMs,
    countStored: async () => (await bus.config.list()).length,
    stream: bus.usage,
    openSmall: async () => smallBus.usage,
    ackWaitMs: topology.usage.ackWaitMs,
    passTime: async (durationMs: number) => clock.advance(durationMs),
    close: async () => {
      await bus.close();
      await smallBus.close();
      expect(clock.pendingTimers).toBe(0);
    },
  };
}

describeConfigBucket("memory", async () => open());
describeEventStream("memory", async () => open());

function message(id: string): StreamMessage {
  return { id, subject: "usage.v1.r", payload: new Uint8Array(10) };
}

describe("memory bus", () => {
  it("delivers on the next turn, without a timer", async () => {
    const bus = createMemoryBus({ clock: new ManualClock() });
    const got: string[] = [];
    await bus.usage.consume({
      consumer: "quota",
      maxBatch: 10,
      maxWaitMs: 1_000,
      handle: async (batch) => {
        got.push(...batch.map(({ id }) => id));
        return batch.map(() => "ack");
      },
    });
    await bus.config.watch({ onEntry: (entry) => got.push(entry.key) });
    await bus.usage.publish([message("m")]);
    await bus.config.put("k", new Uint8Array(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(got.toSorted()).toEqual(["k", "m"]);
    await bus.close();
  });

  it("leaves turns to others while it replays and delivers much", async () => {
    const bus = createMemoryBus();
    for (let index = 0; index < 20_000; index += 1) {
      await bus.config.put(`k.${index}`, new Uint8Array(1));
    }
    let turns = 0;
    let told = 0;
    let mostPerTurn = 0;
    let toldBefore = 0;
    const count = (): void => {
      turns += 1;
      mostPerTurn = Math.max(mostPerTurn, told - toldBefore);
      toldBefore = told;
      if (told < 20_000) setImmediate(count);
    };
    await bus.config.watch({ onEntry: () => (told += 1) });
    setImmediate(count);
    await vi.waitFor(() => expect(told).toBe(20_000), 5_000);
    expect(mostPerTurn).toBeLessThanOrEqual(512);
    expect(turns).toBeGreaterThan(30);
    await bus.close();
  });

  it("keeps messages for consumers of the topology that have not come yet", async () => {
    const bus = createMemoryBus({ clock: new ManualClock() });
    const got: string[] = [];
    const consume = (consumer: string) =>
      bus.usage.consume({
        consumer,
        maxBatch: 10,
        maxWaitMs: 1_000,
        handle: async (batch) => {
          got.push(...batch.map(({ id }) => `${consumer} ${id}`));
          return batch.map(() => "ack");
        },
      });
    await bus.usage.publish([message("m")]);
    await consume("quota");
    await vi.waitFor(() => expect(got).toEqual(["quota m"]));
    await consume("telemetry");
    await vi.waitFor(() => expect(got).toEqual(["quota m", "telemetry m"]));
    await bus.close();
  });

  it("takes an id again after the dedupe window", async () => {
    const clock = new ManualClock();
    const bus = createMemoryBus({ clock });
    const publish = async () => (await bus.usage.publish([message("m")]))[0];
    expect(await publish()).toEqual({ ok: true, duplicate: false });
    clock.advance(119_999);
    expect(await publish()).toEqual({ ok: true, duplicate: true });
    clock.advance(1);
    expect(await publish()).toEqual({ ok: true, duplicate: false });
    await bus.close();
  });

  it("refuses everything after close", async () => {
    const bus = createMemoryBus();
    expect(bus.connected()).toBe(true);
    await bus.close();
    expect(bus.connected()).toBe(false);
    const gone = { reason: "UNAVAILABLE" };
    await expect(bus.config.put("a", new Uint8Array(0))).rejects.toMatchObject(gone);
    await expect(bus.config.watch({ onEntry: () => {} })).rejects.toMatchObject(gone);
    expect(await bus.usage.publish([message("m")])).toMatchObject([{ ok: false, error: gone }]);
  });
});
