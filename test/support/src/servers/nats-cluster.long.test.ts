import { describeConfigBucket, describeEventStream } from "@penstock/bus/testing";
import { sleep, systemClock } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  ackWaitMs,
  collectEntries,
  collectIds,
  connectBus,
  expireAfterMs,
  messageOf,
  quickTopology,
} from "./nats-bus.fixture.ts";
import { startNatsCluster } from "./nats-cluster.ts";
import type { NatsCluster } from "./nats-cluster.ts";
import { countEntries, requestNats } from "./raw-nats.ts";
import { serverLane } from "./server-lane.ts";

const passTime = (durationMs: number): Promise<void> => sleep(systemClock, durationMs);
const streams = ["penstock_config", "penstock_routers", "penstock_confirmed"].map(
  (name) => `KV_${name}`,
);

async function remove(cluster: NatsCluster, names: readonly string[]): Promise<void> {
  const [server] = cluster.servers.values();
  for (const name of names) await requestNats(server?.url ?? "", `$JS.API.STREAM.DELETE.${name}`);
}

function suites(): void {
  let cluster: NatsCluster;
  beforeAll(async () => {
    cluster = await startNatsCluster();
  });
  afterAll(() => cluster.stop());

  const open = async () => {
    const bus = await connectBus(cluster, { replicas: 3 });
    const close = async (): Promise<void> => {
      await bus.close();
      await remove(cluster, [...streams, "penstock_usage"]);
    };
    return { bus, close };
  };

  describeConfigBucket("NATS cluster", async () => {
    const { bus, close } = await open();
    const { config: bucket, routers: expiring } = bus;
    const countStored = () => countEntries([...cluster.servers.values()][0]!);
    return { bucket, expiring, expireAfterMs, countStored, passTime, close };
  });

  describeEventStream("NATS cluster", async () => {
    const { bus, close } = await open();
    const closers = [close];
    const openSmall = async () => {
      await remove(cluster, ["penstock_usage"]);
      const small = await connectBus(cluster, { topology: quickTopology(100_000), replicas: 3 });
      closers.unshift(() => small.close());
      return small.usage;
    };
    const closeAll = async (): Promise<void> => {
      for (const closer of closers) await closer();
    };
    return { stream: bus.usage, openSmall, ackWaitMs, passTime, close: closeAll };
  });
}

/** Tries until the cluster takes it. */
async function insist(run: () => Promise<unknown>): Promise<void> {
  await vi.waitFor(run, { timeout: 20_000, interval: 100 });
}

async function killLeadersWhileWriting(): Promise<void> {
  const cluster = await startNatsCluster();
  const buses = await Promise.all([1, 2, 3].map(() => connectBus(cluster, { replicas: 3 })));
  const [writer, ...readers] = buses;
  if (writer === undefined) throw new Error("no writer");
  const seen: string[][] = [[], []];
  const got: string[] = [];
  await Promise.all(readers.map((reader, index) => collectEntries(reader, seen[index] ?? [])));
  await Promise.all(readers.map((reader) => collectIds(reader, got)));
  const rounds = 60;
  const killAt = new Map([
    [15, "KV_penstock_config"],
    [40, "penstock_usage"],
  ]);
  let killed: string | undefined;
  for (let round = 1; round <= rounds; round += 1) {
    const stream = killAt.get(round);
    if (stream !== undefined) {
      if (killed !== undefined) await cluster.servers.get(killed)?.restart();
      for (const one of [...streams, "penstock_usage"]) await cluster.settled(one);
      killed = await cluster.leaderOf(stream);
      void cluster.servers.get(killed)?.kill();
    }
    await insist(() => writer.config.put(`k.${round % 7}`, Buffer.from(`${round}`)));
    await insist(() => writer.config.put("head", Buffer.from(`${round}`)));
    await insist(async () => {
      const [result] = await writer.usage.publish([messageOf(`m${round}`)]);
      expect(result).toEqual({ ok: true, duplicate: expect.any(Boolean) });
    });
  }
  const writtenMs = performance.now();
  for (const entries of seen) {
    await vi.waitFor(() => expect(entries.at(-1)).toBe(`head=${rounds}`), 10_000);
    const heads = entries.filter((entry) => entry.startsWith("head=")).map((text) => text.slice(5));
    expect(heads).toEqual(heads.toSorted((a, b) => Number(a) - Number(b)));
    const newest = Object.fromEntries(entries.map((entry) => entry.split("=")));
    for (let key = 0; key < 7; key += 1) {
      const last = Array.from({ length: rounds }, (_, index) => index + 1).findLast(
        (round) => round % 7 === key,
      );
      expect(newest[`k.${key}`]).toBe(`${last}`);
    }
  }
  expect(performance.now() - writtenMs).toBeLessThan(10_000);
  await vi.waitFor(() => expect(new Set(got).size).toBe(rounds), 30_000);
  await Promise.all(buses.map((bus) => bus.close()));
  await cluster.stop();
}

/** Kills the leader of the configuration; gives when a watcher had the next write. Unit: ms. */
async function timeOfChange(): Promise<number> {
  const cluster = await startNatsCluster();
  const buses = await Promise.all([1, 2, 3].map(() => connectBus(cluster, { replicas: 3 })));
  const [writer, ...readers] = buses;
  const seen: string[][] = [[], []];
  await Promise.all(readers.map((reader, index) => collectEntries(reader, seen[index] ?? [])));
  await insist(async () => await writer?.config.put("head", Buffer.from("1")));
  await vi.waitFor(() => expect(seen).toEqual([["head=1"], ["head=1"]]), 5_000);
  await cluster.servers.get(await cluster.leaderOf("KV_penstock_config"))?.kill();
  const killedMs = performance.now();
  await insist(async () => await writer?.config.put("head", Buffer.from("2")));
  for (const entries of seen) {
    await vi.waitFor(() => expect(entries.at(-1)).toBe("head=2"), {
      timeout: 20_000,
      interval: 10,
    });
  }
  const tookMs = performance.now() - killedMs;
  await Promise.all(buses.map((bus) => bus.close()));
  await cluster.stop();
  return tookMs;
}

serverLane("nats").describe("a NATS cluster", () => {
  it("has a change at every watcher within 10 s after the leader's death", async () => {
    // The election itself takes the servers 4 to 9 s, by lot.
    const times: number[] = [];
    for (let round = 0; round < 3; round += 1) times.push(await timeOfChange());
    expect(times.toSorted((a, b) => a - b)[1]).toBeLessThan(10_000);
  }, 180_000);

  describe("passes what a single server passes", suites);
  it("loses and reorders nothing while leaders are killed", killLeadersWhileWriting, 180_000);
});
