import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { RequestOutcome, UsageEventSchema } from "@penstock/api";
import type { UsageEvent } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import { silentObservability } from "@penstock/observability";
import { ManualClock, systemClock } from "@penstock/runtime";
import type { WallMs } from "@penstock/runtime";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { scanRecords } from "./spool-record.ts";
import { systemFiles } from "./spool-files.ts";
import type { SpoolFiles } from "./spool-files.ts";
import { Spool } from "./spool.ts";
import type { SpoolOptions } from "./spool.ts";

const folders: string[] = [];
const spools: Spool[] = [];
afterEach(async () => {
  for (const spool of spools.splice(0)) await spool.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(`${tmpdir()}/spool-`);
  folders.push(folder);
  return folder;
}

function open(folder: string, options: Partial<SpoolOptions> = {}): Spool {
  const spool = Spool.open({
    folder,
    replica: "r",
    // Epochs begin at the seconds of the wall clock; from here they are counted.
    clock: { ...systemClock, wallMs: () => 0 as WallMs },
    observability: silentObservability(),
    segmentBytes: 4_096,
    ...options,
  });
  spools.push(spool);
  return spool;
}

type Told = GatewayError | undefined;
const told = (write: (done: { onSpooled(error: Told): void }) => void): Promise<Told> =>
  new Promise((resolve) => write({ onSpooled: resolve }));

const encode = (event: Partial<UsageEvent>): Uint8Array =>
  toBinary(UsageEventSchema, create(UsageEventSchema, event as object));

function intent(spool: Spool, requestId: string, synced = false): Promise<Told> {
  const outcome = RequestOutcome.INTERRUPTED;
  const payload = encode({ requestId, replica: "r", epoch: spool.epoch, model: "m", outcome });
  return told((done) => spool.intent(requestId, payload, done, synced));
}

function final(spool: Spool, requestId: string): Promise<Told> {
  const sequence = spool.nextSequence();
  const outcome = RequestOutcome.COMPLETED;
  const rest = { replica: "r", epoch: spool.epoch, sequence, outcome };
  const payload = encode({ requestId, ...rest });
  return told((done) => spool.final({ requestId, payload, sequence }, done));
}

const segmentPaths = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".seg"))
    .sort()
    .map((name) => `${folder}/${name}`);

/** Every final of a folder, from all epochs. */
function finalsIn(folder: string): UsageEvent[] {
  const events = new Map<string, UsageEvent>();
  for (const path of segmentPaths(folder)) {
    for (const record of scanRecords(readFileSync(path), { end: 0, corrupt: 0 })) {
      if (record.kind !== "final") continue;
      const event = fromBinary(UsageEventSchema, record.payload);
      expect(event.sequence).toBe(record.sequence);
      events.set(`${event.epoch}/${event.sequence}`, event);
    }
  }
  return [...events.values()];
}

/** Sequences of an epoch must be 1..n, each once. */
function expectContiguous(events: readonly UsageEvent[], epoch: bigint): void {
  const sequences = events.filter((event) => event.epoch === epoch).map(({ sequence }) => sequence);
  sequences.sort((a, b) => (a < b ? -1 : 1));
  expect(sequences).toEqual(sequences.map((_, index) => BigInt(index + 1)));
}

describe("Spool", () => {
  it("counts its starts, and never begins again at a number that was", () => {
    const folder = newFolder();
    expect(open(folder).epoch).toBe(1n);
    expect(open(folder).epoch).toBe(2n);
    const clock = { ...systemClock, wallMs: () => 7_900 as WallMs };
    expect(open(folder, { clock }).epoch).toBe(7n);
    expect(open(folder, { clock }).epoch).toBe(8n);
    writeFileSync(`${folder}/epoch`, "\u0000\u0000");
    const later = { ...systemClock, wallMs: () => 9_000 as WallMs };
    expect(open(folder, { clock: later }).epoch).toBe(9n);
    rmSync(`${folder}/epoch`);
    expect(open(folder, { clock: systemClock }).epoch).toBeGreaterThan(1_700_000_000n);
  });

  it("takes a number only when the final is written", async () => {
    const spool = open(newFolder());
    expect(spool.nextSequence()).toBe(1n);
    expect(spool.nextSequence()).toBe(1n);
    await final(spool, "a");
    expect(spool.nextSequence()).toBe(2n);
    const payload = new Uint8Array();
    const never = { onSpooled: () => undefined };
    expect(() => spool.final({ requestId: "b", payload, sequence: 3n }, never)).toThrow("next");
  });

  it("tells of a synced final when it is on the disk, or after 2 s", async () => {
    const clock = new ManualClock();
    const syncs: ((error: Error | null) => void)[] = [];
    let hangs = true;
    const files: SpoolFiles = {
      ...systemFiles,
      fdatasync: (fd, done) => void (hangs ? syncs.push(done) : systemFiles.fdatasync(fd, done)),
    };
    const spool = open(newFolder(), { clock, files });
    const heard: Told[] = [];
    const end = (requestId: string): void => {
      const record = { requestId, payload: new Uint8Array(), sequence: spool.nextSequence() };
      spool.final(record, { onSpooled: (error) => heard.push(error) }, true);
    };
    end("a");
    await vi.waitFor(() => expect(syncs).toHaveLength(1));
    expect(heard).toEqual([]);
    syncs.shift()?.(null);
    expect(heard).toEqual([undefined]);
    end("b");
    await vi.waitFor(() => expect(syncs).toHaveLength(1));
    clock.advance(2_000);
    expect(heard[1]?.reason).toBe("METERING_UNAVAILABLE");
    hangs = false;
    syncs.shift()?.(null);
    expect(heard).toHaveLength(2);
  });

  it("writes all records of one turn by one call, and tells them in order", async () => {
    const writes = vi.fn(systemFiles.writeSync);
    const spool = open(newFolder(), { files: { ...systemFiles, writeSync: writes } });
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    const done = [
      intent(spool, "a").then(note("a")),
      intent(spool, "b").then(note("b")),
      final(spool, "c").then(note("c")),
    ];
    expect(writes).not.toHaveBeenCalled();
    await Promise.all(done);
    expect(writes).toHaveBeenCalledOnce();
    expect(order).toEqual(["a", "b", "c"]);
  });

  it("ends what was running with the last progress, on the numbers of its own epoch", async () => {
    const folder = newFolder();
    const spool = open(folder);
    await intent(spool, "done");
    await intent(spool, "running");
    await final(spool, "done");
    spool.progress("running", encode({ costNanoUsd: 7n, finishReasons: ["x"] }));
    await intent(spool, "begun");
    const next = open(folder);
    expect(next.retiredEpochs).toEqual([{ epoch: 1n, lastSequence: 3n }]);
    const events = finalsIn(folder);
    expectContiguous(events, 1n);
    const running = events.find(({ requestId }) => requestId === "running");
    expect(running).toMatchObject({
      epoch: 1n,
      sequence: 2n,
      model: "m",
      outcome: RequestOutcome.INTERRUPTED,
      costNanoUsd: 7n,
      finishReasons: ["x"],
    });
    expect(next.nextSequence()).toBe(1n);
    open(folder);
    expect(finalsIn(folder)).toEqual(events);
  });

  it("deletes what both consumers have, but nothing with an open request", async () => {
    const folder = newFolder();
    const spool = open(folder, { segmentBytes: 120 });
    await intent(spool, "long");
    for (let request = 0; request < 20; request += 1) await final(spool, `f${request}`);
    const before = segmentPaths(folder).length;
    expect(before).toBeGreaterThan(5);
    spool.confirm(1n, 10n);
    const after = segmentPaths(folder);
    expect(after.length).toBeLessThan(before);
    expect(after[0]).toContain("-000000-");
    spool.confirm(1n, 20n);
    await final(spool, "long");
    expect(segmentPaths(folder)[0]).not.toContain("-000000-");
    const next = open(folder);
    expect(next.retiredEpochs).toEqual([{ epoch: 1n, lastSequence: 21n }]);
    next.confirm(1n, 20n);
    expect(next.segments.of(1n).length).toBeGreaterThan(0);
    next.confirm(1n, 21n);
    expect(next.segments.of(1n)).toEqual([]);
  });

  it("gives each request one event and no gap, wherever the file was cut or damaged", async () => {
    const folder = newFolder();
    const spool = open(folder, { segmentBytes: 1_000_000 });
    const requests = Array.from({ length: 8 }, (_, index) => `request-${index}`);
    for (const [index, request] of requests.entries()) {
      await intent(spool, request);
      spool.progress(request, encode({ costNanoUsd: BigInt(index) }));
      const earlier = requests[index - 2];
      if (earlier !== undefined) await final(spool, earlier);
    }
    await spool.close();
    const [path = ""] = segmentPaths(folder);
    const whole = readFileSync(path);
    const name = path.slice(folder.length);
    const damage = fc.oneof(
      fc.record({ cut: fc.integer({ min: 0, max: whole.length }) }),
      fc.record({ flip: fc.integer({ min: 0, max: whole.length - 1 }) }),
    );
    const check = (how: { cut?: number; flip?: number }): void => {
      const copy = newFolder();
      const bytes = Buffer.from(whole);
      if (how.flip !== undefined) bytes[how.flip] = (bytes[how.flip] ?? 0) ^ 0x41;
      writeFileSync(`${copy}${name}`, bytes);
      if (how.cut !== undefined) truncateSync(`${copy}${name}`, how.cut);
      const begun = new Set<string>();
      for (const { requestId } of scanRecords(readFileSync(`${copy}${name}`), {
        end: 0,
        corrupt: 0,
      })) {
        begun.add(requestId);
      }
      const first = open(copy, { replica: "r" });
      const events = finalsIn(copy);
      expectContiguous(events, 1n);
      const ids = events.map(({ requestId }) => requestId);
      expect(new Set(ids).size).toBe(ids.length);
      const known = ids.filter((id) => requests.includes(id));
      // Damage of an intent whose request had only that may lose the request, never double it.
      for (const id of begun) if (how.cut !== undefined) expect(known).toContain(id);
      expect(requests.length - known.length).toBeLessThanOrEqual(how.flip === undefined ? 8 : 1);
      expect(first.retiredEpochs[0]?.lastSequence ?? 0n).toBe(BigInt(events.length));
      open(copy);
      expect(finalsIn(copy)).toEqual(events);
    };
    fc.assert(fc.property(damage, check), { numRuns: 150 });
  });
});

describe("Spool on a disk that fails", () => {
  class FaultyDisk implements SpoolFiles {
    full = false;
    failSyncs = 0;
    syncs = 0;
    readonly openSync = systemFiles.openSync;
    readonly ftruncateSync = systemFiles.ftruncateSync;
    readonly fsyncSync = systemFiles.fsyncSync;
    readonly closeSync = systemFiles.closeSync;
    readonly unlinkSync = systemFiles.unlinkSync;
    readonly #emergency = new Set<number>();

    renameSync(from: string, to: string): void {
      systemFiles.renameSync(from, to);
    }

    writeSync(
      fd: number,
      bytes: Uint8Array,
      ...place: [offset: number, length: number, position: number]
    ): number {
      if (!this.full || this.#emergency.has(fd)) return systemFiles.writeSync(fd, bytes, ...place);
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    }

    fdatasync(fd: number, done: (error: Error | null) => void): void {
      this.syncs += 1;
      if (this.failSyncs === 0) return systemFiles.fdatasync(fd, done);
      this.failSyncs -= 1;
      setImmediate(done, Object.assign(new Error("i/o error"), { code: "EIO" }));
    }

    /** Room that was taken beforehand can be written over. */
    readonly opened = (path: string, flags: string): number => {
      const fd = systemFiles.openSync(path, flags);
      if (flags === "r+") this.#emergency.add(fd);
      return fd;
    };
  }

  const faulty = (): FaultyDisk => {
    const disk = new FaultyDisk();
    Object.assign(disk, { openSync: disk.opened });
    return disk;
  };

  it("refuses to begin on a full disk, ends what runs, and recovers without a restart", async () => {
    const folder = newFolder();
    const disk = faulty();
    const spool = open(folder, { files: disk });
    const writable: boolean[] = [];
    spool.onWritable = (can) => writable.push(can);
    await intent(spool, "running");
    disk.full = true;
    const begun = intent(spool, "new");
    expect([spool.hasIntent("running"), spool.hasIntent("new")]).toEqual([true, true]);
    expect((await begun)?.reason).toBe("METERING_UNAVAILABLE");
    expect([spool.hasIntent("running"), spool.hasIntent("new")]).toEqual([true, false]);
    expect(spool.takesIntents).toBe(false);
    expect(await final(spool, "running")).toBeUndefined();
    expect(spool.hasIntent("running")).toBe(false);
    disk.full = false;
    await vi.waitFor(async () => expect(await intent(spool, "again")).toBeUndefined(), 3_000);
    expect(writable).toEqual([false, true]);
    expect(segmentPaths(folder).some((path) => path.includes("-999999-"))).toBe(false);
    open(folder);
    const events = finalsIn(folder);
    expectContiguous(events, 1n);
    expect(events.map(({ requestId, outcome }) => [requestId, outcome])).toContainEqual([
      "running",
      RequestOutcome.COMPLETED,
    ]);
  });

  it("reads the emergency segment at the next start", async () => {
    const folder = newFolder();
    const disk = faulty();
    const spool = open(folder, { files: disk });
    await intent(spool, "running");
    disk.full = true;
    await intent(spool, "refused");
    expect(await final(spool, "running")).toBeUndefined();
    expect(open(folder).retiredEpochs).toEqual([{ epoch: 1n, lastSequence: 1n }]);
    expect(finalsIn(folder).map(({ requestId }) => requestId)).toEqual(["running"]);
  });

  it("writes what was not synced into another file when a sync fails", async () => {
    const folder = newFolder();
    const disk = faulty();
    disk.failSyncs = 1;
    const spool = open(folder, { files: disk });
    expect(await intent(spool, "a", true)).toBeUndefined();
    expect(disk.syncs).toBe(2);
    expect(segmentPaths(folder).length).toBe(2);
    await spool.close();
    writeFileSync(segmentPaths(folder)[0] ?? "", "");
    expect(open(folder).retiredEpochs).toEqual([{ epoch: 1n, lastSequence: 1n }]);
    expect(finalsIn(folder)).toMatchObject([{ requestId: "a", sequence: 1n, model: "m" }]);
  });

  it("refuses a request that waits for the disk when its record is lost for good", async () => {
    const disk = faulty();
    disk.failSyncs = 1;
    const sync = disk.fdatasync.bind(disk);
    disk.fdatasync = (fd, done) => {
      sync(fd, (error) => {
        disk.full = error !== null;
        done(error);
      });
    };
    const spool = open(newFolder(), { files: disk });
    expect((await intent(spool, "a", true))?.reason).toBe("METERING_UNAVAILABLE");
  });

  it("refuses to begin at the bound and takes up again when segments are confirmed", async () => {
    const folder = newFolder();
    const spool = open(folder, { segmentBytes: 200, boundBytes: 1_000 });
    let sequence = 0n;
    while (spool.bytes < 1_000) {
      expect(await final(spool, `f${sequence}`)).toBeUndefined();
      sequence += 1n;
    }
    expect(spool.takesIntents).toBe(false);
    expect((await intent(spool, "no"))?.reason).toBe("METERING_UNAVAILABLE");
    expect(spool.hasIntent("no")).toBe(false);
    expect(await final(spool, "still")).toBeUndefined();
    spool.confirm(1n, sequence);
    expect(spool.takesIntents).toBe(true);
    expect(await intent(spool, "yes")).toBeUndefined();
  });
});
