import { create } from "@bufbuild/protobuf";
import type { FetchSnapshotResponse } from "@penstock/api";
import { FetchSnapshotResponseSchema } from "@penstock/api";
import type { Bus } from "@penstock/bus";
import { createMemoryBus } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import { silentObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Publisher, routeEntry } from "./publisher.fixture.ts";
import type { SnapshotFollower } from "./snapshot-follower.ts";
import { createSnapshotFollower } from "./snapshot-follower.ts";

let bus: Bus;
let clock: ManualClock;
let publisher: Publisher;
let follower: SnapshotFollower;

beforeEach(() => {
  clock = new ManualClock();
  bus = createMemoryBus();
  publisher = new Publisher(bus.config);
});

afterEach(async () => {
  await follower.close();
  await bus.close();
});

/** As it is in other processes, but for a watch that never tells anything. */
function deafBus(isConnected: () => boolean): Bus {
  const { config } = bus;
  const deaf: Bus["config"] = {
    put: (key, value, options) => config.put(key, value, options),
    delete: (key) => config.delete(key),
    purge: (key) => config.purge(key),
    get: (key) => config.get(key),
    list: (prefix) => config.list(prefix),
    watch: () => Promise.resolve({ close: async () => {} }),
  };
  return { ...bus, kind: "nats", config: deaf, connected: isConnected };
}

const reaches = (revision: number): Promise<void> =>
  vi.waitFor(() => expect(follower.current()?.revision).toBe(BigInt(revision)));

/** Lets everything that was answered reach the follower. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function advance(stepMs: number, steps: number): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    clock.advance(stepMs);
    await settle();
  }
}

const policy = {
  revision: 7,
  isThere: true,
  isDamaged: false,
  calls: 0,
  fetch: (pageToken: string, known: bigint): Promise<FetchSnapshotResponse> => {
    policy.calls += 1;
    if (!policy.isThere) return Promise.reject(new GatewayError("UNAVAILABLE", "down"));
    const page = publisher.fetch(policy.revision, pageToken);
    if (known !== page.head?.revision) {
      if (policy.isDamaged) page.head!.contentHash = new Uint8Array(32);
      return Promise.resolve(page);
    }
    const { head } = page;
    return Promise.resolve(create(FetchSnapshotResponseSchema, { head, unchanged: true }));
  },
};

async function followPolicy(isConnected: () => boolean): Promise<void> {
  Object.assign(policy, { revision: 7, isThere: true, isDamaged: false, calls: 0 });
  for (const made of publisher.base(7)) publisher.keep(made);
  follower = createSnapshotFollower({
    bus: deafBus(isConnected),
    clock,
    observability: silentObservability(),
    replica: "router-1",
    report: false,
    epoch: 1n,
    build: "0.1.0",
    fetchSnapshot: ({ pageToken, knownRevision }) => policy.fetch(pageToken, knownRevision),
  });
  await follower.start();
  clock.advance(2_500);
  await reaches(7);
  await settle();
}

function change(revision: number): void {
  publisher.keep(routeEntry(revision, "r", [`model-${revision}`]));
  policy.revision = revision;
}

describe("reporting beside the bus", () => {
  it("calls policy when the bus does not take the status, soon again, then more seldom", async () => {
    const said: bigint[] = [];
    const failing = new GatewayError("UNAVAILABLE", "the bus is away");
    let isAway = true;
    const routers: Bus["routers"] = {
      put: (key, value) => (isAway ? Promise.reject(failing) : bus.routers.put(key, value)),
      delete: (key) => bus.routers.delete(key),
      purge: (key) => bus.routers.purge(key),
      get: (key) => bus.routers.get(key),
      list: (prefix) => bus.routers.list(prefix),
      watch: (options) => bus.routers.watch(options),
    };
    follower = createSnapshotFollower({
      bus: { ...bus, routers },
      clock,
      observability: silentObservability(),
      replica: "router-1",
      report: true,
      reportStatus: ({ appliedRevision }) => {
        said.push(appliedRevision);
        return said.length === 2 ? new Promise(() => undefined) : Promise.resolve();
      },
      epoch: 1n,
      build: "0.1.0",
    });
    await follower.start();
    await publisher.publish(1, publisher.base(1));
    await reaches(1);
    await settle();
    expect(said).toEqual([0n, 1n]);
    // The second call hangs until its deadline; it must not be the last.
    await advance(1_000, 6);
    expect(said.length).toBeGreaterThan(2);
    const before = said.length;
    await advance(1_000, 60);
    expect(said.length - before).toBeLessThanOrEqual(10);
    isAway = false;
    await advance(100, 100);
    expect(await bus.routers.get("router-1")).toBeDefined();
    const settled = said.length;
    await advance(100, 200);
    expect(said).toHaveLength(settled);
  });
});

describe("reporting beside a slow bus", () => {
  it("calls policy once when the bus takes its time", async () => {
    let calls = 0;
    let take: (() => void) | undefined;
    const routers: Bus["routers"] = {
      put: async (key, value) => {
        await new Promise<void>((resolve) => (take = resolve));
        return bus.routers.put(key, value);
      },
      delete: (key) => bus.routers.delete(key),
      purge: (key) => bus.routers.purge(key),
      get: (key) => bus.routers.get(key),
      list: (prefix) => bus.routers.list(prefix),
      watch: (options) => bus.routers.watch(options),
    };
    follower = createSnapshotFollower({
      bus: { ...bus, routers },
      clock,
      observability: silentObservability(),
      replica: "router-1",
      report: true,
      reportStatus: () => Promise.resolve((calls += 1)),
      epoch: 1n,
      build: "0.1.0",
    });
    await follower.start();
    await advance(100, 2);
    expect(calls).toBe(0);
    await advance(100, 4);
    expect(calls).toBe(1);
    take?.();
    await settle();
    expect(await bus.routers.get("router-1")).toBeDefined();
    expect(calls).toBe(1);
  });
});

describe("asking policy beside the bus", () => {
  it("has a change within 6.25 s where the push says nothing, within 2.5 s without a bus", async () => {
    let isConnected = true;
    await followPolicy(() => isConnected);
    change(8);
    clock.advance(6_250);
    await reaches(8);
    expect(follower.info()).toMatchObject({ source: "fetch", ageMs: 0 });
    isConnected = false;
    await settle();
    clock.advance(6_250);
    await settle();
    change(9);
    clock.advance(2_500);
    await reaches(9);
  });

  it("asks for the head alone while nothing is new, and says how old its knowledge is", async () => {
    await followPolicy(() => false);
    const before = policy.calls;
    await advance(2_500, 4);
    expect(policy.calls - before).toBe(4);
    expect(follower.info().ageMs).toBe(0);
    policy.isThere = false;
    await advance(2_500, 2);
    expect(follower.info().ageMs).toBe(5_000);
  });

  it("grows old when policy is silent, though the bus is connected", async () => {
    await followPolicy(() => true);
    await advance(1_250, 8);
    expect(follower.info().ageMs).toBeLessThanOrEqual(6_250);
    policy.isThere = false;
    await advance(60_000, 10);
    expect(follower.info().ageMs).toBeGreaterThanOrEqual(600_000);
    policy.isThere = true;
    await advance(6_250, 1);
    expect(follower.info().ageMs).toBeLessThanOrEqual(6_250);
  });

  it("waits no pause of the loading when policy is back, and burdens it with no bad one", async () => {
    await followPolicy(() => false);
    change(8);
    policy.isDamaged = true;
    await advance(2_500, 24);
    const before = policy.calls;
    await advance(2_500, 12);
    // Its pauses of 30 s at last, of three pages each; the others are looks.
    expect(policy.calls - before).toBeLessThanOrEqual(12 + 2 * 4);
    policy.isThere = false;
    await advance(2_500, 4);
    Object.assign(policy, { isThere: true, isDamaged: false });
    await advance(2_500, 1);
    await reaches(8);
  });
});
