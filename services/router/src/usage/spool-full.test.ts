import { readdirSync, readFileSync } from "node:fs";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { SmallDisk, smallDiskLane } from "./small-disk.fixture.ts";
import { scanRecords } from "./spool-record.ts";
import type { SpoolRecord } from "./spool-record.ts";
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
});
