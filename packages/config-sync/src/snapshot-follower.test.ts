import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { fromBinary } from "@bufbuild/protobuf";
import { RouterStatusSchema } from "@penstock/api";
import type { Bus } from "@penstock/bus";
import { createMemoryBus } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import { recordingObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Publisher, deletion, entry, keyEntry, routeEntry } from "./publisher.fixture.ts";
import type { SnapshotFollower, SnapshotFollowerOptions } from "./snapshot-follower.ts";
import { createSnapshotFollower } from "./snapshot-follower.ts";

let bus: Bus;
let clock: ManualClock;
let publisher: Publisher;
let folder: string;
let observability: ReturnType<typeof recordingObservability>;
const followers: SnapshotFollower[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  bus = createMemoryBus();
  publisher = new Publisher(bus.config);
  observability = recordingObservability();
  folder = await mkdtemp(join(tmpdir(), "config-sync-"));
});

afterEach(async () => {
  for (const follower of followers.splice(0)) await follower.close();
  await bus.close();
  await rm(folder, { recursive: true, force: true });
});

async function follow(more: Partial<SnapshotFollowerOptions> = {}): Promise<SnapshotFollower> {
  const options = { bus, clock, observability, replica: "router-1", report: false, epoch: 1n };
  const follower = createSnapshotFollower({ ...options, build: "0.1.0", ...more });
  followers.push(follower);
  await follower.start();
  return follower;
}

const reaches = (follower: SnapshotFollower, revision: number): Promise<void> =>
  vi.waitFor(() => expect(follower.current()?.revision).toBe(BigInt(revision)));

/** Lets everything that was written reach the followers. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("following the bus", () => {
  it("goes to the newest head and follows, with a span that links to the change", async () => {
    await publisher.publish(1, publisher.base(1));
    const follower = await follow();
    await reaches(follower, 1);
    const seen: (bigint | undefined)[] = [];
    follower.onChange((next, previous) => seen.push(previous?.revision, next.revision));
    await publisher.publish(2, [routeEntry(2, "r", ["smart"])]);
    await reaches(follower, 2);
    expect(seen).toEqual([1n, 2n]);
    expect(follower.current()?.routes.size).toBe(1);
    expect(follower.info()).toMatchObject({ source: "bus", resourceCount: 7, ageMs: 0 });
    const span = observability.records.at(-1);
    expect(span?.name).toBe("penstock.config.apply");
    expect(span?.parentSpanId).toBeUndefined();
    expect(span?.links?.[0]?.traceId).toBe("a".repeat(32));
  });

  it("never shows a torn configuration: entries wait for their head", async () => {
    await publisher.publish(1, publisher.base(1));
    await publisher.putEntries([routeEntry(2, "half", ["smart"])]);
    const follower = await follow();
    await settle();
    expect(follower.current()).toBeUndefined();
    await publisher.putEntries([routeEntry(2, "whole", ["smart"])]);
    await publisher.putHead(publisher.head(2));
    await reaches(follower, 2);
    expect([...follower.current()!.routes.keys()].sort()).toEqual(["routes/half", "routes/whole"]);
    await publisher.putEntries([routeEntry(3, "early", ["smart"])]);
    await settle();
    expect(follower.current()?.routes.size).toBe(2);
  });

  it("takes ten good routes and names the poisoned one, also after a restart", async () => {
    await publisher.publish(1, [...publisher.base(1), routeEntry(1, "r0", ["old"])]);
    const follower = await follow({ folder, report: true });
    await reaches(follower, 1);
    const good = Array.from({ length: 10 }, (_, index) => routeEntry(2, `g${index}`, ["smart"]));
    await publisher.publish(2, [...good, routeEntry(2, "r0", [])]);
    await reaches(follower, 2);
    expect(follower.current()?.routes.get("routes/r0")?.models).toEqual(["old"]);
    expect(follower.current()?.routes.size).toBe(11);
    await vi.waitFor(async () => {
      const status = fromBinary(RouterStatusSchema, (await bus.routers.get("router-1"))!.value);
      expect(status.appliedRevision).toBe(2n);
      expect(status.refused).toMatchObject([
        { name: "routes/r0", revision: 2n, problems: ["match.models is required"] },
      ]);
    });
    await follower.close();
    expect(await bus.routers.get("router-1")).toBeUndefined();
    const again = await follow({ folder, bus: createMemoryBus() });
    expect(again.current()?.routes.get("routes/r0")?.models).toEqual(["old"]);
  });

  it("applies in order only: 5, 4, 6, 5, and a higher epoch with a lower revision", async () => {
    await publisher.publish(5, publisher.base(5));
    const follower = await follow();
    await reaches(follower, 5);
    const applied: bigint[] = [];
    follower.onChange((next) => applied.push(next.revision));
    await publisher.putHead(publisher.head(4));
    await publisher.publish(6, [routeEntry(6, "r", ["smart"])]);
    await reaches(follower, 6);
    await publisher.putHead(publisher.head(5));
    await settle();
    expect(applied).toEqual([6n]);
    publisher.epoch = 2n;
    await publisher.publish(3, [deletion(3, "routes/r"), ...publisher.base(3)]);
    await reaches(follower, 3);
    expect(follower.current()).toMatchObject({ epoch: 2n });
    expect(follower.current()?.routes.size).toBe(0);
    await publisher.publish(4, [routeEntry(4, "s", ["smart"])]);
    await reaches(follower, 4);
  });

  it("refuses the head of another installation", async () => {
    await publisher.publish(1, publisher.base(1));
    const follower = await follow();
    await reaches(follower, 1);
    publisher.installationId = "installation-2";
    await publisher.publish(9, [routeEntry(9, "r", ["smart"])]);
    await settle();
    expect(follower.current()?.revision).toBe(1n);
    expect(observability.lines.some((line) => line["level"] === "error")).toBe(true);
    const { status } = follower.info();
    expect(status.refused).toMatchObject([{ name: "head", revision: 9n }]);
    expect(status.refused[0]?.problems[0]).toMatch(/^foreign_installation: .*installation-2/);
    publisher.installationId = "installation-1";
    await publisher.publish(10, [routeEntry(10, "r", ["smart"])]);
    await reaches(follower, 10);
    expect(follower.info().status.refused).toEqual([]);
  });

  it("knows a revoked key before the head, and from the snapshot after it", async () => {
    await publisher.publish(1, publisher.base(1));
    const follower = await follow();
    await reaches(follower, 1);
    const key = "projects/p/virtualKeys/a";
    await publisher.putEntries([keyEntry(2, "a", { revokeTime: "2026-01-01T00:00:00Z" })]);
    await vi.waitFor(() => expect(follower.isRevoked(key)).toBe(true));
    expect(follower.current()?.revision).toBe(1n);
    expect(follower.isRevoked("projects/p/virtualKeys/b")).toBe(false);
    await publisher.putHead(publisher.head(2));
    await reaches(follower, 2);
    expect(follower.isRevoked(key)).toBe(false);
    expect(follower.current()?.callers.get(key)?.revokeTimeMs).toBeLessThan(Infinity);
  });

  it("applies a change within 5 ms with 2,000 keys", async () => {
    const keys = Array.from({ length: 2_000 }, (_, index) => {
      const digits = [...String(index)].map((digit) => "abcdefghij"[Number(digit)]).join("");
      const credentials = [{ id: digits.padStart(12, "z"), sha256: `${"A".repeat(43)}=` }];
      return entry("virtualKey", 1, { name: `projects/p/virtualKeys/k${index}`, credentials });
    });
    await publisher.publish(1, [...publisher.base(1), ...keys]);
    const real = { monotonicMs: () => performance.now() };
    const timed = new Proxy(clock, {
      get: (target, name) => {
        const value: unknown = Reflect.get(name === "monotonicMs" ? real : target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const follower = await follow({ clock: timed });
    await reaches(follower, 1);
    const times: number[] = [];
    for (let revision = 2; revision < 12; revision += 1) {
      await publisher.publish(revision, [routeEntry(revision, "r", [`model-${revision}`])]);
      await reaches(follower, revision);
      times.push(follower.info().applyTimeMs);
    }
    expect(times.sort((first, second) => first - second)[5]).toBeLessThan(5);
  });
});

describe("loading", () => {
  it("fetches page by page when the bus has no head after 2 s", async () => {
    for (const made of publisher.base(7)) publisher.keep(made);
    const follower = await follow({
      fetchSnapshot: (request) => Promise.resolve(publisher.fetch(7, request.pageToken)),
    });
    await settle();
    expect(follower.current()).toBeUndefined();
    clock.advance(2_000);
    await reaches(follower, 7);
    expect(follower.info().source).toBe("fetch");
    expect(follower.current()?.callers.size).toBe(2);
  });

  it("fetches when the content hash of the bucket does not come out", async () => {
    await publisher.publish(1, publisher.base(1));
    publisher.keep(routeEntry(2, "lost", ["smart"]));
    await publisher.putHead(publisher.head(2));
    const follower = await follow({
      fetchSnapshot: (request) => Promise.resolve(publisher.fetch(2, request.pageToken)),
    });
    await reaches(follower, 2);
    expect(follower.current()?.routes.has("routes/lost")).toBe(true);
    await publisher.publish(3, [deletion(3, "routes/lost")]);
    await reaches(follower, 3);
    expect(follower.current()?.routes.size).toBe(0);
  });

  it("never applies what does not fit its hash, and backs off from 0.2 s to 30 s", async () => {
    for (const made of publisher.base(7)) publisher.keep(made);
    let calls = 0;
    await follow({
      fetchSnapshot: (request) => {
        if (request.pageToken === "") calls += 1;
        const page = publisher.fetch(7, request.pageToken);
        page.head!.contentHash = new Uint8Array(32);
        return Promise.resolve(page);
      },
    });
    clock.advance(2_000);
    await vi.waitFor(() => expect(calls).toBe(1));
    const delays = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
    for (const [index, delayMs] of delays.entries()) {
      await settle();
      clock.advance(delayMs - 1);
      await settle();
      expect(calls).toBe(index + 1);
      clock.advance(1);
      await vi.waitFor(() => expect(calls).toBe(index + 2));
    }
    expect(followers[0]?.current()).toBeUndefined();
  });

  it("gives a page 5 s, then tries again", async () => {
    for (const made of publisher.base(7)) publisher.keep(made);
    let hang = true;
    const follower = await follow({
      fetchSnapshot: (request) =>
        hang
          ? new Promise(() => undefined)
          : Promise.resolve(publisher.fetch(7, request.pageToken)),
    });
    clock.advance(2_000);
    await settle();
    hang = false;
    clock.advance(5_000);
    await settle();
    clock.advance(200);
    await reaches(follower, 7);
  });

  it("waits without a control plane and without a file, then takes what comes", async () => {
    const follower = await follow({
      fetchSnapshot: () => Promise.reject(new GatewayError("UNAVAILABLE", "down")),
    });
    clock.advance(20_000);
    await settle();
    expect(follower.current()).toBeUndefined();
    const waiting = follower.waitForSnapshot(AbortSignal.timeout(10_000));
    await publisher.publish(1, publisher.base(1));
    expect((await waiting).revision).toBe(1n);
  });
});
