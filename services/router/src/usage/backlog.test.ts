import { createMemoryBus } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import { ManualClock, systemClock } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { systemFiles } from "./spool-files.ts";
import type { SpoolFiles } from "./spool-files.ts";
import { cleanUp, confirm, end, newFolder, setUp } from "./usage-emitter.fixture.ts";
import type { RecordingStream } from "./usage-emitter.fixture.ts";

afterEach(cleanUp);

/** Moves the clock on until all were published. */
async function published(stream: RecordingStream, clock: ManualClock, ids: readonly string[]) {
  await vi.waitFor(() => {
    clock.advance(10);
    expect(stream.ids).toEqual(ids);
  });
}

describe("a backlog", () => {
  it("is published beside live events, however many there are", async () => {
    const earlier = setUp();
    earlier.stream.failing = true;
    await earlier.emitter.start();
    for (const id of ["a", "b"]) await end(earlier.spool, id);
    await earlier.emitter.close();
    const { spool, stream, emitter } = setUp(earlier.folder, systemClock, earlier.memory);
    let live = 0;
    // Whenever something was published, there is more.
    stream.onBatch = () => {
      live += 1;
      return stream.ids.includes("b") || live > 100 ? undefined : end(spool, `live-${live}`);
    };
    await end(spool, "live-0");
    await emitter.start();
    await vi.waitFor(() => expect(stream.ids).toContain("b"), 5_000);
    expect(live).toBeLessThan(10);
  });

  it("that is published again lets live events pass, and ends where it ended when it began", async () => {
    const clock = new ManualClock();
    const { spool, stream, emitter } = setUp(newFolder(), clock);
    await emitter.start();
    const ids = Array.from({ length: 60 }, (_, index) => `request-${index}`);
    for (const id of ids) await end(spool, id);
    await published(stream, clock, ids);
    let ended: Promise<unknown> | undefined;
    stream.onBatch = () => void (ended ??= end(spool, "live"));
    clock.advance(60_000);
    await vi.waitFor(() => {
      clock.advance(10);
      expect(stream.ids.length).toBeGreaterThanOrEqual(121);
    });
    const again = stream.ids.slice(60);
    expect(again.indexOf("live")).toBeLessThan(50);
    expect(again.filter((id) => id !== "live")).toEqual(ids);
    expect(again.filter((id) => id === "live")).toHaveLength(1);
  });

  it("is published again although live events are on their way at that moment", async () => {
    const clock = new ManualClock();
    const { spool, stream, emitter } = setUp(newFolder(), clock);
    await emitter.start();
    await end(spool, "unconfirmed");
    await published(stream, clock, ["unconfirmed"]);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    stream.onBatch = () => held;
    await end(spool, "live");
    await vi.waitFor(() => expect(stream.ids).toEqual(["unconfirmed", "live"]));
    clock.advance(60_000);
    release();
    await published(stream, clock, ["unconfirmed", "live", "unconfirmed"]);
  });

  it("is not held up by its last event, which the bus never takes", async () => {
    const earlier = setUp();
    earlier.stream.failing = true;
    await earlier.emitter.start();
    await end(earlier.spool, "poison");
    await earlier.emitter.close();
    const second = setUp(earlier.folder, systemClock, earlier.memory);
    second.stream.failing = true;
    await second.emitter.start();
    await end(second.spool, "b");
    await second.emitter.close();
    const { stream, emitter } = setUp(earlier.folder, systemClock, earlier.memory);
    stream.refusing.set("poison", { reason: "UNAVAILABLE", from: 0 });
    await emitter.start();
    await vi.waitFor(() => expect(stream.ids).toContain("b"));
  });
});

describe("a bus that acknowledges late", () => {
  it("is given less at once, and more again when it is in time", async () => {
    const clock = new ManualClock();
    const { spool, stream, emitter } = setUp(newFolder(), clock);
    await emitter.start();
    stream.mostInTime = 8;
    const ids = Array.from({ length: 100 }, (_, index) => `request-${index}`);
    await Promise.all(ids.map((id) => end(spool, id)));
    await vi.waitFor(
      () => {
        clock.advance(1_000);
        expect(stream.ids).toEqual(ids);
      },
      { timeout: 5_000, interval: 5 },
    );
    stream.mostInTime = Number.POSITIVE_INFINITY;
    stream.batches.length = 0;
    await Promise.all(ids.map((id) => end(spool, `again-${id}`)));
    await vi.waitFor(
      () => {
        clock.advance(1_000);
        expect(stream.ids).toHaveLength(100);
      },
      { timeout: 5_000, interval: 5 },
    );
    expect(Math.max(...stream.batches.map(({ length }) => length))).toBeGreaterThan(12);
  });

  it("does not get again what consumers have meanwhile", async () => {
    const clock = new ManualClock();
    const { spool, stream, emitter, memory } = setUp(newFolder(), clock);
    const taken: string[] = [];
    emitter.onPublished = (id) => taken.push(id);
    await emitter.start();
    stream.mostInTime = 0;
    await Promise.all(["a", "b", "c"].map((id) => end(spool, id)));
    await confirm(memory, spool.epoch, 2n);
    await vi.waitFor(() => {
      clock.advance(1_000);
      expect(taken).toEqual(["a", "b"]);
    });
    stream.mostInTime = 512;
    await vi.waitFor(() => {
      clock.advance(1_000);
      expect(stream.ids).toEqual(["c"]);
    });
  });
});

describe("events that no disk has", () => {
  it("stay in memory, also while others wait on the disk", async () => {
    const clock = new ManualClock();
    let full = false;
    const files: SpoolFiles = {
      ...systemFiles,
      writeSync: (...args) => {
        if (full) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
        return systemFiles.writeSync(...args);
      },
    };
    const { spool, stream, emitter } = setUp(newFolder(), clock, createMemoryBus(), files);
    await emitter.start();
    stream.failing = true;
    const ids = Array.from({ length: 30 }, (_, index) => `request-${index}`);
    for (const id of ids) await end(spool, id, 400_000);
    full = true;
    const lost = ["first", "second"];
    for (const id of lost) expect(await end(spool, id)).toBeInstanceOf(GatewayError);
    stream.failing = false;
    await vi.waitFor(() => {
      clock.advance(500);
      expect(new Set(stream.ids)).toEqual(new Set([...ids, ...lost]));
    });
  });
});
