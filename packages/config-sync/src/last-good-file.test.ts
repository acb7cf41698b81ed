import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Bus } from "@penstock/bus";
import { createMemoryBus } from "@penstock/bus";
import { recordingObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Publisher, deletion, routeEntry } from "./publisher.fixture.ts";
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

describe("last good files", () => {
  async function leaveFiles(): Promise<string[]> {
    await publisher.publish(1, publisher.base(1));
    const follower = await follow({ folder });
    await reaches(follower, 1);
    for (let revision = 2; revision <= 7; revision += 1) {
      await publisher.publish(revision, [routeEntry(revision, `r${revision}`, ["smart"])]);
      await reaches(follower, revision);
      const name = `${String(revision).padStart(20, "0")}.bin`;
      await vi.waitFor(async () => {
        expect((await readdir(folder)).some((file) => file.endsWith(name))).toBe(true);
      });
    }
    await follower.close();
    return (await readdir(folder)).filter((name) => name.endsWith(".bin")).sort();
  }

  it("keeps five, readable by the owner only, and starts from the newest at once", async () => {
    const files = await leaveFiles();
    expect(files).toHaveLength(5);
    expect((await stat(join(folder, files[0]!))).mode & 0o777).toBe(0o600);
    const follower = await follow({ folder, bus: createMemoryBus() });
    expect(follower.current()?.revision).toBe(7n);
    expect(follower.info().source).toBe("file");
    expect(follower.current()?.credentials.size).toBe(2);
  });

  it("follows on from a file, over what was deleted meanwhile", async () => {
    await leaveFiles();
    await publisher.publish(8, [deletion(8, "routes/r2")]);
    const follower = await follow({ folder });
    expect(follower.current()?.revision).toBe(7n);
    await reaches(follower, 8);
    expect(follower.current()?.routes.has("routes/r2")).toBe(false);
  });

  it("uses an older file when the newest is damaged anywhere", async () => {
    const files = await leaveFiles();
    const newest = join(folder, files.at(-1)!);
    const good = await readFile(newest);
    const spots = [0, 7, 8, 9, 40, Math.floor(good.length / 2), good.length - 5, good.length - 1];
    const damages = [
      ...spots.map((spot) => good.map((byte, index) => (index === spot ? byte ^ 0x10 : byte))),
      ...[0, 3, 8, 12, good.length - 1].map((length) => good.subarray(0, length)),
      Buffer.concat([good, Buffer.from([0])]),
    ];
    for (const damaged of damages) {
      await writeFile(newest, damaged);
      const follower = await follow({ folder, bus: createMemoryBus() });
      expect(follower.current()?.revision).toBe(6n);
      await follower.close();
    }
    expect(observability.lines.filter((line) => line["level"] === "error")).toHaveLength(
      damages.length,
    );
  });

  async function leaveDead(deaths: number): Promise<string> {
    await leaveFiles();
    const marker = join(folder, "boot-attempt.json");
    await writeFile(marker, JSON.stringify({ inUse: "1/7", deaths: [["1/7", deaths - 1]] }));
    return marker;
  }

  const deathsIn = async (marker: string): Promise<unknown> =>
    (JSON.parse(await readFile(marker, "utf8")) as { deaths: unknown }).deaths;

  it("leaves a revision out at which the process died three times, however well it does", async () => {
    const marker = await leaveDead(3);
    const follower = await follow({ folder });
    expect(follower.current()?.revision).toBe(6n);
    await vi.waitFor(() => {
      expect(follower.info().status.refused).toMatchObject([{ revision: 7n }]);
    });
    clock.advance(599_999);
    await settle();
    expect(follower.current()?.revision).toBe(6n);
    expect(follower.info().ageMs).toBeGreaterThan(599_000);
    expect(await deathsIn(marker)).toEqual([["1/7", 3]]);
    await follower.close();
    expect(await deathsIn(marker)).toEqual([["1/7", 3]]);
  });

  it("gives it another chance after 10 minutes, and believes it once it has lived", async () => {
    const marker = await leaveDead(3);
    const follower = await follow({ folder });
    await settle();
    clock.advance(600_000);
    await reaches(follower, 7);
    expect(follower.info().status.refused).toEqual([]);
    expect(await deathsIn(marker)).toEqual([["1/7", 3]]);
    clock.advance(10_000);
    expect(await deathsIn(marker)).toEqual([]);
  });

  it("waits twice as long for the next chance when it died of the last", async () => {
    await leaveDead(4);
    const follower = await follow({ folder });
    await settle();
    clock.advance(1_199_999);
    await settle();
    expect(follower.current()?.revision).toBe(6n);
    clock.advance(1);
    await reaches(follower, 7);
  });

  it("hears of the suspect from policy alone, says so, and gives it its chance", async () => {
    await leaveDead(3);
    // As in another process, with a bus that is connected and tells nothing.
    const silent = { ...createMemoryBus(), kind: "nats" } as const;
    let known = 0n;
    const follower = await follow({
      folder,
      bus: silent,
      fetchSnapshot: ({ knownRevision, pageToken }) => {
        known = knownRevision;
        return Promise.resolve(publisher.fetch(7, pageToken));
      },
    });
    clock.advance(6_250);
    await vi.waitFor(() => {
      expect(follower.info().status.refused).toMatchObject([{ name: "head", revision: 7n }]);
    });
    expect([known, follower.current()?.revision]).toEqual([6n, 6n]);
    clock.advance(600_000);
    await reaches(follower, 7);
  });

  it("takes a newer revision than the suspect one at once", async () => {
    const marker = await leaveDead(3);
    const follower = await follow({ folder });
    await settle();
    await publisher.publish(8, [deletion(8, "routes/r7")]);
    await reaches(follower, 8);
    expect(follower.info().status.refused).toEqual([]);
    clock.advance(10_000);
    expect(await deathsIn(marker)).toEqual([["1/7", 3]]);
    clock.advance(600_000);
    await settle();
    expect(follower.current()?.revision).toBe(8n);
  });

  it("blames no revision for a death later than 10 s after it was put in use", async () => {
    const marker = join(folder, "boot-attempt.json");
    const follower = await follow({ folder });
    clock.advance(60_000);
    await publisher.publish(1, publisher.base(1));
    await reaches(follower, 1);
    expect(JSON.parse(await readFile(marker, "utf8"))).toMatchObject({ inUse: "1/1" });
    clock.advance(10_000);
    expect(JSON.parse(await readFile(marker, "utf8"))).toMatchObject({ inUse: null });
  });

  it("is as old as the file it starts from, until the newest is known", async () => {
    const files = await leaveFiles();
    const writtenMs = clock.wallMs() - 3_600_000;
    await utimes(join(folder, files.at(-1)!), writtenMs / 1_000, writtenMs / 1_000);
    const alone = await follow({ folder, bus: createMemoryBus() });
    clock.advance(1_000);
    expect(alone.info()).toMatchObject({ source: "file", ageMs: 3_601_000 });
    await alone.close();
    const follower = await follow({ folder });
    await vi.waitFor(() => expect(follower.info().ageMs).toBe(0));
  });

  it("counts deaths: the marker is written before a revision is in use", async () => {
    await leaveFiles();
    const marker = join(folder, "boot-attempt.json");
    const dead = await follow({ folder, bus: createMemoryBus() });
    const leftBehind = await readFile(marker, "utf8");
    expect(JSON.parse(leftBehind)).toEqual({ inUse: "1/7", deaths: [] });
    await dead.close();
    expect(JSON.parse(await readFile(marker, "utf8"))).toEqual({ inUse: null, deaths: [] });
    await writeFile(marker, leftBehind);
    const second = await follow({ folder, bus: createMemoryBus() });
    expect(second.current()?.revision).toBe(7n);
    expect(JSON.parse(await readFile(marker, "utf8"))).toEqual({
      inUse: "1/7",
      deaths: [["1/7", 1]],
    });
  });
});
