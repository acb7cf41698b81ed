import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { RequestOutcome, UsageEventSchema } from "@penstock/api";
import { confirmedKey, createMemoryBus, workerName } from "@penstock/bus";
import type { PublishResult, StreamMessage } from "@penstock/bus";
import { wallMs } from "@penstock/limits";
import { silentObservability } from "@penstock/observability";
import { systemClock, thisProcess } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SpoolAdoption } from "./spool-adoption.ts";
import type { RetiredHolder } from "./spool-adoption.ts";
import { ownSpoolFolder } from "./spool-folders.ts";
import { Spool } from "./spool.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFolder(): string {
  const folder = mkdtempSync(`${tmpdir()}/adoption-`);
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A spool as a killed worker leaves it: one request ended, one running. */
async function leaveSpool(
  dataDir: string,
  replica: string,
  worker: string,
  ageMs = 0,
): Promise<bigint> {
  const clock = { ...systemClock, wallMs: () => wallMs(systemClock.wallMs() - ageMs) };
  const folder = ownSpoolFolder(dataDir, { replica, worker });
  const name = workerName(replica, worker);
  const observability = silentObservability();
  const spool = Spool.open({ folder, replica: name, clock, observability });
  const event = { replica: name, epoch: spool.epoch, model: "m" };
  const encode = (fields: object): Uint8Array =>
    toBinary(UsageEventSchema, create(UsageEventSchema, { ...event, ...fields }));
  const written = (write: (done: { onSpooled(): void }) => void) =>
    new Promise<void>((resolve) => write({ onSpooled: resolve }));
  const running = `${worker}-running`;
  await written((done) => spool.intent(running, encode({ requestId: running }), done));
  const requestId = `${worker}-done`;
  const payload = encode({ requestId, sequence: 1n });
  await written((done) => spool.final({ requestId, payload, sequence: 1n }, done));
  rmSync(`${folder}/owner`);
  return spool.epoch;
}

function setUp(dataDir: string, workers: number, replica = "r") {
  const published: StreamMessage[] = [];
  const bus = createMemoryBus();
  const usage = {
    publish: (batch: readonly StreamMessage[]): Promise<PublishResult[]> => {
      published.push(...batch);
      return Promise.resolve(batch.map(() => ({ ok: true, duplicate: false })));
    },
  } as unknown as typeof bus.usage;
  const retired: RetiredHolder[] = [];
  const adoption = new SpoolAdoption({
    dataDir,
    replica,
    workers,
    bus: { usage, confirmed: bus.confirmed },
    clock: systemClock,
    observability: silentObservability(),
    retire: (holder) => Promise.resolve(retired.push(holder)),
  });
  cleanups.push(() => bus.close());
  cleanups.push(() => adoption.close());
  return { adoption, published, retired, bus };
}

const segments = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".seg"));

describe("SpoolAdoption", () => {
  it("ends, publishes and deletes what a worker left that is no more, under its own name", async () => {
    const dataDir = newFolder();
    const first = await leaveSpool(dataDir, "r", "0");
    const second = await leaveSpool(dataDir, "r", "1");
    expect(first).toBeGreaterThan(0n);
    const { adoption, published, retired, bus } = setUp(dataDir, 1);
    await adoption.start();
    await adoption.flush(5_000);
    const events = published.map(({ payload }) => fromBinary(UsageEventSchema, payload));
    expect(events.map(({ requestId, sequence }) => [requestId, sequence])).toEqual([
      ["1-done", 1n],
      ["1-running", 2n],
    ]);
    expect(new Set(events.map(({ replica, epoch }) => `${replica} ${epoch}`))).toEqual(
      new Set([`r_1 ${second}`]),
    );
    expect(events[1]?.outcome).toBe(RequestOutcome.INTERRUPTED);
    expect(published[0]?.subject).toBe("usage.v1.r_1");
    await vi.waitFor(() => expect(retired).toHaveLength(1));
    expect(retired[0]).toMatchObject({
      holder: "r/1",
      retiredEpochs: [{ epoch: second, lastSequence: 2n }],
    });
    expect(retired[0]?.epoch).toBeGreaterThan(second);
    expect(segments(`${dataDir}/spool/1`)).not.toEqual([]);
    const all = Buffer.alloc(8);
    all.writeBigUInt64BE(2n);
    for (const consumer of ["quota", "telemetry"]) {
      await bus.confirmed.put(confirmedKey(consumer, "r_1", second), all);
    }
    await vi.waitFor(() => {
      expect(readdirSync(`${dataDir}/spool/1`).toSorted()).toEqual(["epoch", "name"]);
    });
    expect(segments(`${dataDir}/spool/0`)).not.toEqual([]);
  });

  it("gives each request one end, however often it is adopted", async () => {
    const dataDir = newFolder();
    await leaveSpool(dataDir, "r", "3");
    const ids: string[][] = [];
    for (let round = 0; round < 3; round += 1) {
      const { adoption, published } = setUp(dataDir, 2);
      await adoption.start();
      await adoption.flush(5_000);
      await adoption.close();
      ids.push(published.map(({ id, payload }) => `${id} ${payload.length}`));
    }
    expect(ids[0]).toHaveLength(2);
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
  });

  it("leaves a spool alone that another process has", async () => {
    const dataDir = newFolder();
    await leaveSpool(dataDir, "r", "1");
    const stat = readFileSync(`/proc/${process.ppid}/stat`, "utf8");
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const file = `${dataDir}/spool/1/owner`;
    const { namespace } = thisProcess();
    writeFileSync(file, JSON.stringify({ pid: process.ppid, startTime, namespace }));
    const { adoption, published } = setUp(dataDir, 1);
    await adoption.start();
    await adoption.flush(1_000);
    expect(published).toEqual([]);
  });

  it("goes on under the old name when the replica was renamed", async () => {
    const dataDir = newFolder();
    const epoch = await leaveSpool(dataDir, "old", "0", 3_600_000);
    ownSpoolFolder(dataDir, { replica: "new", worker: "0" });
    const { adoption, published, retired } = setUp(dataDir, 1, "new");
    await adoption.start();
    await adoption.flush(5_000);
    const events = published.map(({ payload }) => fromBinary(UsageEventSchema, payload));
    expect(events.map((event) => [event.replica, event.epoch])).toEqual([
      ["old", epoch],
      ["old", epoch],
    ]);
    // A router that has the old name by now began after that, and must not be fenced.
    await vi.waitFor(() => expect(retired).toMatchObject([{ holder: "old/0" }]));
    expect(retired[0]?.epoch).toBe(epoch + 1n);
    await adoption.close();
    const again = setUp(dataDir, 1, "new");
    await again.adoption.start();
    await vi.waitFor(() => expect(again.retired).toMatchObject([{ epoch: epoch + 1n }]));
  });

  it("finds what another worker moves aside later", async () => {
    const dataDir = newFolder();
    await leaveSpool(dataDir, "old", "0");
    await leaveSpool(dataDir, "old", "1");
    ownSpoolFolder(dataDir, { replica: "new", worker: "0" });
    const { adoption, retired } = setUp(dataDir, 2, "new");
    await adoption.start();
    await vi.waitFor(() => expect(retired).toMatchObject([{ holder: "old/0" }]));
    ownSpoolFolder(dataDir, { replica: "new", worker: "1" });
    const holders = () => retired.map(({ holder }) => holder).toSorted();
    await vi.waitFor(() => expect(holders()).toEqual(["old/0", "old/1"]), 10_000);
  });
});
