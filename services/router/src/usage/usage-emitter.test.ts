import { readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { UsageEventSchema } from "@penstock/api";
import { confirmedKey, createMemoryBus } from "@penstock/bus";
import { ManualClock, systemClock } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { scanRecords } from "./spool-record.ts";
import {
  cleanUp,
  confirm,
  end,
  newFolder,
  publishedEvents,
  setUp,
} from "./usage-emitter.fixture.ts";

afterEach(cleanUp);

describe("UsageEmitter", () => {
  it("publishes the finals of one turn together, at once", async () => {
    const { spool, stream, emitter } = setUp();
    await emitter.start();
    await Promise.all(["a", "b", "c"].map((id) => end(spool, id)));
    await vi.waitFor(() => expect(stream.batches.length).toBe(1));
    expect(stream.ids).toEqual(["a", "b", "c"]);
    expect(stream.batches[0]?.[0]?.subject).toBe("usage.v1.r");
  });

  it("publishes again what failed, with what was in the same message, and only that", async () => {
    const { spool, stream, emitter } = setUp();
    await emitter.start();
    stream.failOnce.add("b");
    const large = ["d", "e"].map((id) => end(spool, id, 70_000));
    await Promise.all([...["a", "b", "c"].map((id) => end(spool, id)), ...large]);
    expect(await emitter.flush(5_000)).toBe(true);
    expect(stream.ids).toEqual(["d", "e", "a", "b", "c", "a", "b", "c"]);
    expect(stream.messages[0]).toHaveLength(3);
  });

  it("takes apart a message that the bus refuses, until the guilty event goes alone", async () => {
    const { spool, stream, emitter } = setUp();
    await emitter.start();
    stream.refusing.set("poison", { reason: "FIELD_INVALID", from: 400 });
    const ids = Array.from({ length: 7 }, (_, index) => `neighbour-${index}`);
    const all = [...ids.slice(0, 4), "poison", ...ids.slice(4)];
    await Promise.all(all.map((id) => end(spool, id, id === "poison" ? 500 : 0)));
    expect(await emitter.flush(10_000)).toBe(true);
    const whole = stream.messages.flat().flatMap(publishedEvents);
    const sizes = new Map(whole.map(({ id, payload }) => [id, payload.length]));
    expect([...sizes.keys()].toSorted()).toEqual(all.toSorted());
    const slim = [...sizes].filter(([, length]) => length > 140);
    expect(slim.map(([id]) => id)).toEqual(["poison"]);
    expect(sizes.get("poison")).toBeLessThan(400);
  });

  it("publishes in short what the bus refuses for good, and keeps the whole of it", async () => {
    const { spool, stream, emitter, folder } = setUp();
    await emitter.start();
    stream.refusing.set("large", { reason: "FIELD_INVALID", from: 400 });
    await Promise.all([end(spool, "large", 500), end(spool, "b")]);
    expect(await emitter.flush(5_000)).toBe(true);
    const taken = stream.batches.flat().findLast(({ id }) => id === "large");
    expect(fromBinary(UsageEventSchema, taken?.payload ?? new Uint8Array())).toMatchObject({
      requestId: "large",
      sequence: 1n,
      epoch: 1n,
      model: "m".repeat(128),
    });
    const kept = [...scanRecords(readFileSync(`${folder}/refused`), { end: 0, corrupt: 0 })];
    expect(kept).toMatchObject([{ requestId: "large", sequence: 1n }]);
    expect(kept[0]?.payload.length).toBeGreaterThan(500);
  });

  it("is not held up by an event that the bus never takes", async () => {
    const { spool, stream, emitter } = setUp();
    await emitter.start();
    stream.refusing.set("poison", { reason: "UNAVAILABLE", from: 0 });
    await end(spool, "poison");
    for (let count = 0; count < 5; count += 1) await end(spool, `after-${count}`);
    await vi.waitFor(() => expect(stream.ids).toContain("after-4"));
    await end(spool, "last");
    await vi.waitFor(() => expect(stream.ids).toContain("last"));
    expect(stream.ids.filter((id) => id === "last")).toHaveLength(1);
  });

  it("says when both consumers have everything", async () => {
    const { spool, emitter, memory } = setUp();
    await emitter.start();
    await end(spool, "a");
    expect(await emitter.allConfirmed(20)).toBe(false);
    const waiting = emitter.allConfirmed(5_000);
    await confirm(memory, 1n, 1n);
    expect(await waiting).toBe(true);
  });

  it("keeps everything while the bus is away and says so on flush", async () => {
    const { spool, stream, emitter } = setUp();
    await emitter.start();
    stream.failing = true;
    await end(spool, "a");
    expect(await emitter.flush(20)).toBe(false);
    stream.failing = false;
    expect(await emitter.flush(5_000)).toBe(true);
    expect(stream.ids).toEqual(["a"]);
  });

  it("goes to the disk for what memory may not hold, and loses nothing", async () => {
    const { spool, stream, emitter } = setUp();
    await emitter.start();
    stream.failing = true;
    const ids = Array.from({ length: 40 }, (_, index) => `request-${index}`);
    for (const id of ids) await end(spool, id, 400_000);
    stream.failing = false;
    expect(await emitter.flush(10_000)).toBe(true);
    await end(spool, "after");
    expect(await emitter.flush(10_000)).toBe(true);
    // What was refused waits its turn while others go on.
    expect(stream.ids).toHaveLength(ids.length + 1);
    expect(new Set(stream.ids)).toEqual(new Set([...ids, "after"]));
  });

  it("publishes what an earlier life left, unless it is confirmed", async () => {
    const { spool, stream, emitter, memory, folder } = setUp();
    stream.failing = true;
    await emitter.start();
    for (const id of ["a", "b"]) await end(spool, id);
    await new Promise<void>((resolve) => {
      const event = create(UsageEventSchema, { requestId: "open" });
      spool.intent("open", toBinary(UsageEventSchema, event), { onSpooled: () => resolve() });
    });
    await emitter.close();
    const next = setUp(folder, systemClock, memory);
    await next.emitter.start();
    expect(await next.emitter.flush(5_000)).toBe(true);
    expect(next.stream.ids).toEqual(["a", "b", "open"]);
    const events = next.stream.batches
      .flat()
      .map(({ payload }) => fromBinary(UsageEventSchema, payload));
    expect(events.map(({ epoch, sequence }) => [epoch, sequence])).toEqual([
      [1n, 1n],
      [1n, 2n],
      [1n, 3n],
    ]);
    await confirm(memory, 1n, 3n);
    await vi.waitFor(() => expect(next.spool.segments.of(1n)).toEqual([]));
  });

  it("lets a segment go only when both consumers have all of it", async () => {
    const { spool, emitter, memory } = setUp();
    await emitter.start();
    for (let count = 0; count < 60; count += 1) await end(spool, `request-${count}`);
    const before = spool.segments.of(1n).length;
    const value = Buffer.alloc(8);
    value.writeBigUInt64BE(60n);
    await memory.confirmed.put(confirmedKey("quota", "r", 1n), value);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(spool.segments.of(1n).length).toBe(before);
    await memory.confirmed.put(confirmedKey("telemetry", "r", 1n), value);
    await vi.waitFor(() => expect(spool.segments.of(1n).length).toBe(1));
  });

  it("publishes again what is not confirmed after a minute", async () => {
    const clock = new ManualClock();
    const { spool, stream, emitter, memory } = setUp(newFolder(), clock);
    await emitter.start();
    for (const id of ["a", "b", "c"]) await end(spool, id);
    clock.advance(10);
    await vi.waitFor(() => {
      clock.advance(10);
      expect(stream.ids).toEqual(["a", "b", "c"]);
    });
    await confirm(memory, 1n, 1n);
    await new Promise((resolve) => setTimeout(resolve, 10));
    clock.advance(60_000);
    await vi.waitFor(() => {
      clock.advance(60_000);
      expect(stream.ids.slice(3, 5)).toEqual(["b", "c"]);
    });
  });
});

describe("a bus that comes back", () => {
  it("gets again what nobody confirms within 5 s, for it may have lost it", async () => {
    const clock = new ManualClock();
    const memory = createMemoryBus();
    let restored = (): void => undefined;
    const onRestored = (listener: () => void) => {
      restored = listener;
      return () => undefined;
    };
    const { spool, stream, emitter } = setUp(newFolder(), clock, { ...memory, onRestored });
    await emitter.start();
    for (const id of ["a", "b"]) await end(spool, id);
    await vi.waitFor(() => {
      clock.advance(10);
      expect(stream.ids).toEqual(["a", "b"]);
    });
    await confirm(memory, 1n, 1n);
    await new Promise((resolve) => setTimeout(resolve, 10));
    clock.advance(20_000);
    restored();
    clock.advance(4_900);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(stream.ids).toHaveLength(2);
    clock.advance(100);
    await vi.waitFor(() => expect(stream.ids).toEqual(["a", "b", "b"]));
  });
});
