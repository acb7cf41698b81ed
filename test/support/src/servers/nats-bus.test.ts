import { defaultTopology, openBus } from "@penstock/bus";
import type { Topology } from "@penstock/bus";
import { describeConfigBucket, describeEventStream } from "@penstock/bus/testing";
import { silentObservability } from "@penstock/observability";
import { sleep, systemClock } from "@penstock/runtime";
import { expect, it, vi } from "vitest";
import {
  ackWaitMs,
  collectIds,
  connectBus,
  expireAfterMs,
  messageOf,
  openNatsBus,
  quickTopology,
} from "./nats-bus.fixture.ts";
import { countEntries, requestNats } from "./raw-nats.ts";
import { serverLane } from "./server-lane.ts";

const { logger } = silentObservability();
const passTime = (durationMs: number): Promise<void> => sleep(systemClock, durationMs);
const lane = serverLane("nats");

lane.describe("NATS", () => {
  describeConfigBucket("NATS", async () => {
    const { server, bus, close } = await openNatsBus();
    const { config: bucket, routers: expiring } = bus;
    const countStored = () => countEntries(server);
    return { bucket, expiring, expireAfterMs, countStored, passTime, close };
  });

  describeEventStream("NATS", async () => {
    const closers: (() => Promise<void>)[] = [];
    const openStream = async (topology?: Topology) => {
      const { bus, close } = await openNatsBus(topology);
      closers.push(close);
      return bus.usage;
    };
    const stream = await openStream();
    const openSmall = () => openStream(quickTopology(100_000));
    const close = async () => void (await Promise.all(closers.map((closer) => closer())));
    return { stream, openSmall, ackWaitMs, passTime, close };
  });
});

lane.describe("NATS bus", () => {
  it("is created once and opened again with the same or other limits", async () => {
    const { server, bus, close } = await openNatsBus(defaultTopology);
    await bus.config.put("a", new Uint8Array(1));
    const same = await connectBus(server, { topology: defaultTopology });
    const { usage, config } = defaultTopology;
    const other = await connectBus(server, {
      topology: {
        ...defaultTopology,
        config: { ...config, maxBytes: config.maxBytes / 2 },
        usage: { ...usage, maxAgeMs: usage.maxAgeMs / 2 },
      },
    });
    expect((await other.config.list()).map((entry) => entry.key)).toEqual(["a"]);
    await Promise.all([same.close(), other.close()]);
    await close();
  });

  it("keeps what is published before a consumer of the topology first comes", async () => {
    const { bus, close } = await openNatsBus(defaultTopology);
    await bus.usage.publish([messageOf("early")]);
    const got: string[] = [];
    await collectIds(bus, got);
    await vi.waitFor(() => expect(got).toEqual(["early"]));
    await close();
  });

  it("delivers again what a process that died had not answered for", async () => {
    const { server, bus, close } = await openNatsBus();
    const dying = await connectBus(server);
    let taken = 0;
    await dying.usage.consume({
      consumer: "quota",
      maxBatch: 10,
      maxWaitMs: 1_000,
      handle: (batch) => {
        taken += batch.length;
        return new Promise(() => {});
      },
    });
    await bus.usage.publish([messageOf("m")]);
    await vi.waitFor(() => expect(taken).toBe(1));
    await dying.close();
    const got: string[] = [];
    await collectIds(bus, got);
    await vi.waitFor(() => expect(got).toEqual(["m"]), 5_000);
    await close();
  });

  it("goes on after the server was killed and came back, and misses nothing", async () => {
    const { server, bus, close } = await openNatsBus();
    const got: string[] = [];
    const seen: string[] = [];
    await collectIds(bus, got);
    const onEntry = (entry: { key: string }): void => void seen.push(entry.key);
    await bus.config.watch({ onEntry });
    await bus.config.put("before", new Uint8Array(1));
    await bus.usage.publish([messageOf("before")]);
    await vi.waitFor(() => expect([got, seen]).toEqual([["before"], ["before"]]));
    await server.kill();
    await vi.waitFor(() => expect(bus.connected()).toBe(false), 5_000);
    const [lost] = await bus.usage.publish([messageOf("away")]);
    expect(lost?.ok === false && lost.error.reason).toBe("UNAVAILABLE");
    await expect(bus.config.put("away", new Uint8Array(1))).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
    await server.restart();
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);
    const publish = async () => (await bus.usage.publish([messageOf("after")]))[0]?.ok;
    await vi.waitFor(async () => expect(await publish()).toBe(true), 10_000);
    await bus.config.put("after", new Uint8Array(1));
    await vi.waitFor(() => expect(got).toContain("after"), 15_000);
    await vi.waitFor(() => expect(seen).toContain("after"), 15_000);
    await close();
  }, 60_000);

  it("notices that a watch fell silent on a healthy connection", async () => {
    const { server, bus, close } = await openNatsBus();
    const seen: string[] = [];
    const onEntry = (entry: { key: string }): void => void seen.push(entry.key);
    await bus.config.watch({ onEntry });
    await bus.config.watch({ prefix: "routes.", onEntry: () => {} });
    await bus.config.put("routes.a", new Uint8Array(1));
    await vi.waitFor(() => expect(seen).toEqual(["routes.a"]));
    const api = "$JS.API.CONSUMER";
    const stream = `KV_${defaultTopology.config.name}`;
    const list = async (): Promise<string[]> => {
      const answer = JSON.parse(await requestNats(server.url, `${api}.NAMES.${stream}`)) as {
        consumers: string[];
      };
      return answer.consumers;
    };
    const before = await list();
    expect(before).toHaveLength(2);
    for (const name of before) await requestNats(server.url, `${api}.DELETE.${stream}.${name}`);
    await bus.config.put("routes.b", new Uint8Array(1));
    await vi.waitFor(() => expect(seen).toEqual(["routes.a", "routes.b"]), 10_000);
    await vi.waitFor(async () => expect(await list()).toHaveLength(2), 10_000);
    await bus.config.put("routes.c", new Uint8Array(1));
    await vi.waitFor(() => expect(seen.at(-1)).toBe("routes.c"), 5_000);
    await close();
  }, 40_000);

  it("opens without a server, and says so without the password of the URL", async () => {
    const url = "nats://user:canary@127.0.0.1:1";
    const bus = await openBus({ url, name: "test", clock: systemClock, logger });
    expect(bus.connected()).toBe(false);
    const putting = bus.config.put("a", new Uint8Array(1));
    await expect(putting).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    await expect(putting).rejects.toThrow("127.0.0.1:1");
    await expect(putting).rejects.not.toThrow("canary");
    await bus.close();
  });

  it("refuses a URL of another kind", async () => {
    const opening = openBus({ url: "redis://a", name: "test", clock: systemClock, logger });
    await expect(opening).rejects.toMatchObject({ reason: "FIELD_INVALID" });
  });
});
