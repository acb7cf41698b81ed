import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from "node:fs";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { EmergencySegment } from "./emergency-segment.ts";
import { SmallDisk, smallDiskLane } from "./small-disk.fixture.ts";
import { scanRecords } from "./spool-record.ts";
import type { SpoolRecord } from "./spool-record.ts";
import { systemFiles } from "./spool-files.ts";
import { ownSpoolFolder } from "./spool-folders.ts";
import { Spool } from "./spool.ts";

const kibibyte = 1024;
const segmentBytes = 64 * kibibyte;

const disks: SmallDisk[] = [];
const spools: Spool[] = [];
afterEach(async () => {
  for (const spool of spools.splice(0)) await spool.close();
  for (const disk of disks.splice(0)) disk.remove();
});

function newDisk(): SmallDisk {
  const disk = new SmallDisk(256 * kibibyte);
  disks.push(disk);
  return disk;
}

function open({ folder }: SmallDisk): Spool {
  const options = { folder, replica: "r", clock: systemClock, segmentBytes };
  const spool = Spool.open({ ...options, observability: silentObservability() });
  spools.push(spool);
  return spool;
}

const told = (write: (done: { onSpooled(error: unknown): void }) => void): Promise<unknown> =>
  new Promise((resolve) => write({ onSpooled: resolve }));

const payload = new Uint8Array(100);
const intent = (spool: Spool, id: string) => told((done) => spool.intent(id, payload, done));
const final = (spool: Spool, requestId: string) => {
  const sequence = spool.nextSequence();
  return told((done) => spool.final({ requestId, payload, sequence }, done));
};

/** Begins requests until no more are taken; gives how many. */
async function beginUntilFull(spool: Spool): Promise<number> {
  // The last block may have some room left.
  let accepted = 0;
  while ((await intent(spool, `more-${accepted}`)) === undefined) accepted += 1;
  return accepted;
}

const finalsIn = ({ folder }: SmallDisk): SpoolRecord[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".seg"))
    .flatMap((name) => [...scanRecords(readFileSync(`${folder}/${name}`), { end: 0, corrupt: 0 })])
    .filter(({ kind }) => kind === "final");

const { available, problem } = smallDiskLane();

if (problem !== undefined) {
  it("has a disk that it may fill", () => {
    throw new Error(problem);
  });
}

describe.runIf(available)("a spool on a full disk", () => {
  it("keeps the ends of what runs, and goes on when there is room", async () => {
    const disk = newDisk();
    const spool = open(disk);
    const running = Array.from({ length: 50 }, (_, index) => `running-${index}`);
    for (const id of running) expect(await intent(spool, id)).toBeUndefined();
    disk.fill();
    const accepted = await beginUntilFull(spool);
    expect(await intent(spool, "refused")).toMatchObject({ reason: "METERING_UNAVAILABLE" });
    for (const id of running) expect(await final(spool, id)).toBeUndefined();
    disk.empty();
    await vi.waitFor(async () => expect(await intent(spool, "again")).toBeUndefined(), 5_000);
    await spool.close();
    const ends = finalsIn(disk);
    expect(new Set(ends.map(({ requestId }) => requestId))).toEqual(new Set(running));
    expect(new Set(ends.map(({ sequence }) => sequence)).size).toBe(running.length);
    expect(open(disk).retiredEpochs).toMatchObject([
      { lastSequence: BigInt(running.length + accepted + 1) },
    ]);
  });

  it("has room for the end of a long request however many are refused meanwhile", async () => {
    const disk = newDisk();
    const spool = open(disk);
    const pipeline = createPipeline(undefined, spool);
    const { downstream } = pipeline.send({}, false, "long");
    await vi.waitFor(() => expect(pipeline.upstream.calls).toHaveLength(1));
    disk.fill();
    await beginUntilFull(spool);
    // Their ends would be more than the room that was taken beforehand.
    const refused = (segmentBytes / payload.length) * 2;
    for (let index = 0; index < refused; index += 1) {
      const { downstream: caller } = pipeline.send({}, false, `refused-${index}`);
      expect(caller.error?.reason).toBe("METERING_UNAVAILABLE");
    }
    expect(pipeline.unrecorded).toHaveLength(Math.ceil(refused));
    pipeline.upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    await vi.waitFor(() => expect(downstream.heard).toEqual(["answer"]));
    expect(finalsIn(disk)).toMatchObject([{ requestId: "long", sequence: 1n }]);
  });

  it.each([true, false])(
    "starts there, and serves when there is room (reserve: %s)",
    async (has) => {
      const disk = newDisk();
      const former = open(disk);
      for (const id of ["a", "b"]) await intent(former, id);
      await final(former, "a");
      await former.close();
      if (!has) rmSync(`${disk.folder}/reserve`);
      disk.fill();
      const spool = open(disk);
      expect([spool.writable, spool.takesIntents]).toEqual([false, false]);
      expect(await intent(spool, "c")).toMatchObject({ reason: "METERING_UNAVAILABLE" });
      const ended = [{ epoch: former.epoch, lastSequence: 2n }];
      expect(spool.retiredEpochs).toEqual(has ? ended : []);
      disk.empty();
      await vi.waitFor(async () => expect(await intent(spool, "d")).toBeUndefined(), 5_000);
      expect(spool.writable).toBe(true);
      expect(statSync(`${disk.folder}/reserve`).size).toBe(segmentBytes);
      await spool.close();
      const next = open(disk);
      expect(next.epoch).toBeGreaterThan(spool.epoch);
      expect(next.retiredEpochs).toEqual([...ended, { epoch: spool.epoch, lastSequence: 1n }]);
      const ids = finalsIn(disk).map(({ requestId }) => requestId);
      expect(ids.toSorted()).toEqual(["a", "b", "d"]);
    },
  );

  it("keeps what it has of the reserved room, but takes no part of it at its start", () => {
    const disk = newDisk();
    const path = `${disk.folder}/reserve`;
    const reserve = new EmergencySegment(systemFiles, disk.folder, 1n, segmentBytes);
    reserve.reserve();
    truncateSync(path, segmentBytes / 2);
    disk.fill();
    expect(() => reserve.reserve()).toThrow("ENOSPC");
    expect(statSync(path).size).toBeGreaterThan(0);
    const next = new EmergencySegment(systemFiles, disk.folder, 2n, segmentBytes);
    expect(() => next.reserve()).toThrow("ENOSPC");
    expect(existsSync(path)).toBe(false);
  });

  it("keeps the name of its owner", () => {
    const disk = newDisk();
    const owner = { replica: "r", worker: "0" };
    const folder = ownSpoolFolder(disk.folder, owner);
    // Not even to write it again: it would be cut first.
    utimesSync(`${folder}/name`, 1, 1);
    disk.fill();
    expect(ownSpoolFolder(disk.folder, owner)).toBe(folder);
    expect(statSync(`${folder}/name`).mtimeMs).toBe(1_000);
    expect(readFileSync(`${folder}/name`, "utf8")).toBe("r/0\n");
    expect(ownSpoolFolder(disk.folder, { ...owner, replica: "s" })).toBe(folder);
    expect(readFileSync(`${folder}.1/name`, "utf8")).toBe("r/0\n");
    expect(readdirSync(folder)).toEqual([]);
  });
});
