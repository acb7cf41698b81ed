import { defaultTopology, openBus } from "@penstock/bus";
import type { Bus, StreamMessage, Topology } from "@penstock/bus";
import { describeConfigBucket, describeEventStream } from "@penstock/bus/testing";
import { silentObservability } from "@penstock/observability";
import { sleep, systemClock } from "@penstock/runtime";
import { expect, it, vi } from "vitest";
import { startNats } from "./nats.ts";
import type { NatsServer } from "./nats.ts";
import { requestNats } from "./raw-nats.ts";
import { serverLane } from "./server-lane.ts";

const { logger } = silentObservability();
const expireAfterMs = 1_000;
const ackWaitMs = 1_000;

/** The shipped topology with shorter times and smaller bounds. */
function quickTopology(maxBytes = 1e8): Topology {
  const { config, routers, confirmed, usage } = defaultTopology;
  return {
    config: { ...config, maxBytes: 1e7 },
    routers: { ...routers, maxBytes: 1e7, expireAfterMs },
    confirmed: { ...confirmed, maxBytes: 1e7 },
    usage: { ...usage, consumers: ["quota"], ackWaitMs, maxBytes },
  };
}

function connect(server: NatsServer, topology = quickTopology()): Promise<Bus> {
  return openBus({ url: server.url, name: "test", clock: systemClock, logger, topology });
}

/** A server and a bus of their own for each test. */
async function open(topology = quickTopology()) {
  const server = await startNats();
  const bus = await connect(server, topology);
  const close = async (): Promise<void> => {
    await bus.close();
    await server.stop();
  };
  return { server, bus, close };
}

const passTime = (durationMs: number): Promise<void> => sleep(systemClock, durationMs);
const lane = serverLane("nats");

lane.describe("NATS", () => {
  describeConfigBucket("NATS", async () => {
    const { bus, close } = await open();
    return { bucket: bus.config, expiring: bus.routers, expireAfterMs, passTime, close };
  });

  describeEventStream("NATS", async () => {
    const closers: (() => Promise<void>)[] = [];
    const openStream = async (topology?: Topology) => {
      const { bus, close } = await open(topology);
      closers.push(close);
      return bus.usage;
    };
    const stream = await openStream();
    const openSmall = () => openStream(quickTopology(100_000));
    const close = async () => void (await Promise.all(closers.map((closer) => closer())));
    return { stream, openSmall, ackWaitMs, passTime, close };
  });
});

function message(id: string): StreamMessage {
  return { id, subject: "usage.v1.r", payload: new Uint8Array(600) };
}

function consume(bus: Bus, got: string[]) {
  return bus.usage.consume({
    consumer: "quota",
    maxBatch: 100,
    maxWaitMs: 1_000,
    handle: async (batch) => {
      got.push(...batch.map(({ id }) => id));
      return batch.map(() => "ack" as const);
    },
  });
}

lane.describe("NATS bus", () => {
  it("is created once and opened again with the same or other limits", async () => {
    const { server, bus, close } = await open(defaultTopology);
    await bus.config.put("a", new Uint8Array(1));
    const same = await connect(server, defaultTopology);
    const { usage, config } = defaultTopology;
    const other = await connect(server, {
      ...defaultTopology,
      config: { ...config, maxBytes: config.maxBytes / 2 },
      usage: { ...usage, maxAgeMs: usage.maxAgeMs / 2 },
    });
    expect((await other.config.list()).map((entry) => entry.key)).toEqual(["a"]);
    await Promise.all([same.close(), other.close()]);
    await close();
  });

  it("keeps what is published before a consumer of the topology first comes", async () => {
    const { bus, close } = await open(defaultTopology);
    await bus.usage.publish([message("early")]);
    const got: string[] = [];
    await consume(bus, got);
    await vi.waitFor(() => expect(got).toEqual(["early"]));
    await close();
  });

  it("delivers again what a process that died had not answered for", async () => {
    const { server, bus, close } = await open();
    const dying = await connect(server);
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
    await bus.usage.publish([message("m")]);
    await vi.waitFor(() => expect(taken).toBe(1));
    await dying.close();
    const got: string[] = [];
    await consume(bus, got);
    await vi.waitFor(() => expect(got).toEqual(["m"]), 5_000);
    await close();
  });

  it("goes on after the server was killed and came back, and misses nothing", async () => {
    const { server, bus, close } = await open();
    const got: string[] = [];
    const seen: string[] = [];
    await consume(bus, got);
    const onEntry = (entry: { key: string }): void => void seen.push(entry.key);
    await bus.config.watch({ onEntry });
    await bus.config.put("before", new Uint8Array(1));
    await bus.usage.publish([message("before")]);
    await vi.waitFor(() => expect([got, seen]).toEqual([["before"], ["before"]]));
    await server.kill();
    await vi.waitFor(() => expect(bus.connected()).toBe(false), 5_000);
    const [lost] = await bus.usage.publish([message("away")]);
    expect(lost?.ok === false && lost.error.reason).toBe("UNAVAILABLE");
    await expect(bus.config.put("away", new Uint8Array(1))).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
    await server.restart();
    await vi.waitFor(() => expect(bus.connected()).toBe(true), 10_000);
    const publish = async () => (await bus.usage.publish([message("after")]))[0]?.ok;
    await vi.waitFor(async () => expect(await publish()).toBe(true), 10_000);
    await bus.config.put("after", new Uint8Array(1));
    await vi.waitFor(() => expect(got).toContain("after"), 15_000);
    await vi.waitFor(() => expect(seen).toContain("after"), 15_000);
    await close();
  }, 60_000);

  it("notices that a watch fell silent on a healthy connection", async () => {
    const { server, bus, close } = await open();
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
