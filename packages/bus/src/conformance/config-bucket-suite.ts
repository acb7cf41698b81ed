import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BucketEntry, ConfigBucket, Watch, WatchOptions } from "../config-bucket.ts";

/** What the suite needs of an adapter; fresh and empty for each test. */
export interface BucketHarness {
  /** Never expires entries. */
  readonly bucket: ConfigBucket;
  /** Expires entries not rewritten for `expireAfterMs`. */
  readonly expiring: ConfigBucket;
  readonly expireAfterMs: number;
  /** How many entries and marks of deletions `bucket` holds. */
  countStored(): Promise<number>;
  /** Lets this much of the adapter's time pass. */
  passTime(durationMs: number): Promise<void>;
  close(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const shown = (entry: BucketEntry): string =>
  entry.deleted ? `-${entry.key}` : `${entry.key}=${text(entry.value)}`;

/** Everything a `ConfigBucket` promises. */
export function describeConfigBucket(name: string, open: () => Promise<BucketHarness>): void {
  describe(`ConfigBucket: ${name}`, () => {
    let harness: BucketHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    describeWrites(() => harness.bucket);
    describeDeletions(() => harness);
    describeWatches(() => harness.bucket);
    describeExpiry(() => harness);
  });
}

/** A watch that notes what it is told. */
async function observe(bucket: ConfigBucket, options: Partial<WatchOptions> = {}) {
  const seen: string[] = [];
  const revisions: bigint[] = [];
  const problems: unknown[] = [];
  const watch: Watch = await bucket.watch({
    ...options,
    onEntry: (entry) => {
      seen.push(shown(entry));
      revisions.push(entry.revision);
    },
    onCaughtUp: () => seen.push("caught up"),
    onProblem: (problem) => problems.push(problem),
  });
  return { seen, revisions, problems, watch };
}

function describeWrites(get: () => ConfigBucket): void {
  it("gives back what was put, with growing revisions", async () => {
    const bucket = get();
    const first = await bucket.put("routes.a", bytes("1"));
    const second = await bucket.put("routes.b", bytes("2"));
    const third = await bucket.put("routes.a", bytes("3"));
    expect([second - first, third - second]).toEqual([1n, 1n]);
    const entry = await bucket.get("routes.a");
    expect(entry).toMatchObject({ key: "routes.a", revision: third, deleted: false });
    expect(text(entry?.value ?? bytes(""))).toBe("3");
    expect(await bucket.get("routes.none")).toBeUndefined();
  });

  it("keeps its own copy of a value", async () => {
    const value = bytes("before");
    await get().put("a", value);
    value.set(bytes("after!"));
    expect(text((await get().get("a"))?.value ?? bytes(""))).toBe("before");
  });

  it("lists what exists by prefix, in the order of revisions", async () => {
    const bucket = get();
    for (const key of ["routes.b", "routes.a", "providers.x", "routes.c", "routesx.y"]) {
      await bucket.put(key, bytes(key));
    }
    await bucket.delete("routes.c");
    await bucket.put("routes.b", bytes("again"));
    const keys = async (prefix?: string) => (await bucket.list(prefix)).map((entry) => entry.key);
    expect(await keys("routes.")).toEqual(["routes.a", "routes.b"]);
    expect(await keys("routes")).toEqual(["routes.a", "routesx.y", "routes.b"]);
    expect(await keys()).toEqual(["routes.a", "providers.x", "routesx.y", "routes.b"]);
    expect(await keys("none.")).toEqual([]);
  });

  it("refuses a write whose expected revision is not the present one", async () => {
    const bucket = get();
    const revision = await bucket.put("head", bytes("1"), { expectedRevision: 0n });
    const conflict = { reason: "ETAG_MISMATCH" };
    await expect(bucket.put("head", bytes("x"), { expectedRevision: 0n })).rejects.toMatchObject(
      conflict,
    );
    const next = await bucket.put("head", bytes("2"), { expectedRevision: revision });
    await expect(
      bucket.put("head", bytes("x"), { expectedRevision: revision }),
    ).rejects.toMatchObject(conflict);
    await expect(bucket.put("new", bytes("x"), { expectedRevision: next })).rejects.toMatchObject(
      conflict,
    );
    expect(text((await bucket.get("head"))?.value ?? bytes(""))).toBe("2");
  });

  it("lets exactly one of two racing writers win", async () => {
    const bucket = get();
    const expectedRevision = await bucket.put("head", bytes("0"));
    const writes = ["a", "b", "c"].map((value) =>
      bucket.put("head", bytes(value), { expectedRevision }),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
  });

  it("forgets a deleted key, which can be made anew", async () => {
    const bucket = get();
    const put = await bucket.put("a", bytes("1"));
    const deleted = await bucket.delete("a");
    expect(deleted).toBeGreaterThan(put);
    expect(await bucket.get("a")).toBeUndefined();
    await bucket.delete("never.was");
    const again = await bucket.put("a", bytes("2"), { expectedRevision: 0n });
    expect(again).toBeGreaterThan(deleted);
  });

  it("refuses bad keys and values over 256 KiB", async () => {
    const bucket = get();
    for (const key of ["", "a b", "a.*", "a.>", ".a", "a.", "a..b", "ä", "x".repeat(600)]) {
      await expect(bucket.put(key, bytes("1"))).rejects.toMatchObject({ reason: "FIELD_INVALID" });
    }
    const largest = new Uint8Array(200 * 1024);
    await bucket.put("large", largest);
    expect((await bucket.get("large"))?.value.byteLength).toBe(largest.byteLength);
    const tooLarge = new Uint8Array(256 * 1024 + 1);
    await expect(bucket.put("large", tooLarge)).rejects.toMatchObject({ reason: "FIELD_INVALID" });
    const full = bucket.put("full", new Uint8Array(256 * 1024), { expectedRevision: 0n });
    const refusal = await full.catch((error: unknown) => error);
    // Some servers count the headers, too; that is no reason to try it again.
    if (typeof refusal !== "bigint") expect(refusal).toMatchObject({ reason: "FIELD_INVALID" });
  });
}

function describeDeletions(get: () => BucketHarness): void {
  it("deletes only what is at the expected revision", async () => {
    const { bucket } = get();
    const first = await bucket.put("a", bytes("1"));
    const second = await bucket.put("a", bytes("2"));
    const conflict = { reason: "ETAG_MISMATCH" };
    for (const expectedRevision of [0n, first]) {
      await expect(bucket.delete("a", { expectedRevision })).rejects.toMatchObject(conflict);
    }
    expect(text((await bucket.get("a"))?.value ?? bytes(""))).toBe("2");
    const deleted = await bucket.delete("a", { expectedRevision: second });
    expect(deleted).toBeGreaterThan(second);
    expect(await bucket.get("a")).toBeUndefined();
    await expect(bucket.delete("a", { expectedRevision: second })).rejects.toMatchObject(conflict);
    await bucket.delete("a", { expectedRevision: 0n });
  });

  it("keeps nothing of what was purged, which can be made anew", async () => {
    const { bucket, countStored } = get();
    await bucket.put("b", bytes("1"));
    const { seen, watch } = await observe(bucket);
    for (let round = 0; round < 5; round += 1) {
      await bucket.put(`a.${round}`, bytes("1"), { expectedRevision: 0n });
      const upTo = await bucket.delete(`a.${round}`);
      await bucket.purge(`a.${round}`, { upTo });
    }
    expect(await countStored()).toBe(1);
    await bucket.purge("never.was");
    await bucket.put("a.0", bytes("2"), { expectedRevision: 0n });
    await vi.waitFor(() => expect(seen.at(-1)).toBe("a.0=2"));
    await bucket.purge("a.0");
    expect(await bucket.get("a.0")).toBeUndefined();
    expect((await bucket.list()).map(shown)).toEqual(["b=1"]);
    expect(await countStored()).toBe(1);
    await watch.close();
  });

  it("purges nothing that was written after the revision", async () => {
    const { bucket, countStored } = get();
    await bucket.put("a", bytes("1"));
    const upTo = await bucket.delete("a");
    await bucket.put("a", bytes("fresh"));
    await bucket.purge("a", { upTo });
    expect(text((await bucket.get("a"))?.value ?? bytes(""))).toBe("fresh");
    expect(await countStored()).toBe(1);
  });
}

function describeWatches(get: () => ConfigBucket): void {
  it("replays the newest value of each key in order, says so, then follows", async () => {
    const bucket = get();
    await bucket.put("a", bytes("1"));
    await bucket.put("b", bytes("1"));
    await bucket.put("c", bytes("1"));
    await bucket.put("a", bytes("2"));
    await bucket.delete("c");
    const { seen, revisions, watch } = await observe(bucket);
    await vi.waitFor(() => expect(seen).toEqual(["b=1", "a=2", "caught up"]));
    await bucket.put("d", bytes("1"));
    await bucket.delete("a");
    await vi.waitFor(() => expect(seen.slice(3)).toEqual(["d=1", "-a"]));
    expect(revisions).toEqual(revisions.toSorted((x, y) => Number(x - y)));
    await watch.close();
  });

  it("catches up at once with an empty bucket", async () => {
    const { seen, watch } = await observe(get());
    await vi.waitFor(() => expect(seen).toEqual(["caught up"]));
    await get().put("a", bytes("1"));
    await vi.waitFor(() => expect(seen).toEqual(["caught up", "a=1"]));
    await watch.close();
  });

  it("shows only keys of the prefix", async () => {
    const bucket = get();
    await bucket.put("quota.r1.1", bytes("5"));
    await bucket.put("telemetry.r1.1", bytes("6"));
    const dotted = await observe(bucket, { prefix: "quota." });
    const partial = await observe(bucket, { prefix: "quota.r1" });
    await bucket.put("quota.r2.1", bytes("7"));
    await bucket.put("quota.r1.1", bytes("8"));
    await vi.waitFor(() => expect(dotted.seen.at(-1)).toBe("quota.r1.1=8"));
    await vi.waitFor(() => expect(partial.seen.at(-1)).toBe("quota.r1.1=8"));
    expect(dotted.seen.filter((item) => item.startsWith("telemetry"))).toEqual([]);
    expect(partial.seen.filter((item) => item.startsWith("quota.r2"))).toEqual([]);
    await Promise.all([dotted.watch.close(), partial.watch.close()]);
  });

  it("replays a thousand keys before it says it caught up", async () => {
    const bucket = get();
    const keys = Array.from({ length: 1_000 }, (_, index) => `k.${index}`);
    await Promise.all(keys.map((key) => bucket.put(key, bytes(key))));
    const { seen, watch } = await observe(bucket);
    await vi.waitFor(() => expect(seen).toContain("caught up"), 5_000);
    expect(seen.indexOf("caught up")).toBe(1_000);
    expect(new Set(seen).size).toBe(1_001);
    await watch.close();
  });

  it("tells nothing after close or abort", async () => {
    const bucket = get();
    const abort = new AbortController();
    const closed = await observe(bucket);
    const aborted = await observe(bucket, { signal: abort.signal });
    const open = await observe(bucket);
    await vi.waitFor(() => expect(open.seen).toEqual(["caught up"]));
    await closed.watch.close();
    abort.abort();
    const before = [closed.seen.length, aborted.seen.length];
    await bucket.put("a", bytes("1"));
    await vi.waitFor(() => expect(open.seen).toContain("a=1"));
    expect([closed.seen.length, aborted.seen.length]).toEqual(before);
    await closed.watch.close();
    await open.watch.close();
    await expect(observe(bucket, { signal: abort.signal })).rejects.toThrow();
  });

  it("goes on after a callback that throws, and reports it", async () => {
    const bucket = get();
    const seen: string[] = [];
    const problems: unknown[] = [];
    const watch = await bucket.watch({
      onEntry: (entry) => {
        if (entry.key === "bad") throw new Error("cannot read");
        seen.push(entry.key);
      },
      onProblem: (problem) => problems.push(problem),
    });
    await bucket.put("bad", bytes("1"));
    await bucket.put("good", bytes("1"));
    await vi.waitFor(() => expect(seen).toEqual(["good"]));
    expect(problems).toHaveLength(1);
    await watch.close();
  });
}

function describeExpiry(get: () => BucketHarness): void {
  it("expires entries that are not rewritten, and tells watchers", async () => {
    const { expiring, expireAfterMs, passTime } = get();
    await expiring.put("r1", bytes("1"));
    await expiring.put("r2", bytes("1"));
    const { seen, watch } = await observe(expiring);
    await vi.waitFor(() => expect(seen).toContain("caught up"));
    let writtenMs = performance.now();
    let longestPauseMs = 0;
    const rewrite = async (): Promise<void> => {
      await expiring.put("r2", bytes("2"));
      longestPauseMs = Math.max(longestPauseMs, performance.now() - writtenMs);
      writtenMs = performance.now();
    };
    await vi.waitFor(async () => {
      await rewrite();
      await passTime(expireAfterMs / 4);
      expect(seen).toContain("-r1");
    });
    expect(await expiring.get("r1")).toBeUndefined();
    await rewrite();
    expect((await expiring.list()).map(shown)).toEqual(["r2=2"]);
    // On a machine so busy that it was not rewritten in time it may well have expired.
    if (longestPauseMs < expireAfterMs / 2) expect(seen).not.toContain("-r2");
    await passTime(expireAfterMs);
    await vi.waitFor(() => expect(seen).toContain("-r2"), 5_000);
    expect(await expiring.get("r2")).toBeUndefined();
    expect(await expiring.list()).toEqual([]);
    await watch.close();
  });
}
