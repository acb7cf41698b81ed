import type { Clock, Timer } from "@penstock/runtime";
import type { BucketEntry, ConfigBucket, PurgeOptions, PutOptions } from "../config-bucket.ts";
import type { Watch, WatchOptions } from "../config-bucket.ts";
import { busClosed, checkKey, checkValue, revisionConflict } from "../limits.ts";
import type { BucketTopology } from "../topology.ts";
import { MemoryWatch } from "./memory-watch.ts";

const noBytes = new Uint8Array(0);

interface Stored {
  readonly entry: BucketEntry;
  readonly expiry: Timer | undefined;
}

/** A bucket inside the process; nothing survives it. */
export class MemoryBucket implements ConfigBucket {
  readonly #topology: BucketTopology;
  readonly #clock: Clock;
  // A rewritten key moves to the end, so the map is always in the order of revisions.
  readonly #stored = new Map<string, Stored>();
  readonly #watches = new Set<MemoryWatch>();
  #revision = 0n;
  #closed = false;

  constructor(topology: BucketTopology, clock: Clock) {
    this.#topology = topology;
    this.#clock = clock;
  }

  async put(key: string, value: Uint8Array, options: PutOptions = {}): Promise<bigint> {
    this.#checkOpen();
    checkKey(key);
    checkValue(key, value, this.#topology.maxValueBytes);
    this.#checkExpected(key, options);
    const revision = this.#nextRevision();
    this.#store({ key, value: value.slice(), revision, deleted: false });
    return revision;
  }

  async delete(key: string, options: PutOptions = {}): Promise<bigint> {
    this.#checkOpen();
    checkKey(key);
    this.#checkExpected(key, options);
    const revision = this.#nextRevision();
    this.#remove(key, revision);
    return revision;
  }

  /** Nothing of a deleted key is kept here anyway. */
  async purge(key: string, { upTo }: PurgeOptions = {}): Promise<void> {
    this.#checkOpen();
    checkKey(key);
    const present = this.#stored.get(key)?.entry.revision ?? 0n;
    if (upTo === undefined || present <= upTo) this.#forget(key);
  }

  async get(key: string): Promise<BucketEntry | undefined> {
    this.#checkOpen();
    checkKey(key);
    return this.#stored.get(key)?.entry;
  }

  async list(prefix = ""): Promise<BucketEntry[]> {
    this.#checkOpen();
    return this.#entries(prefix);
  }

  async watch(options: WatchOptions): Promise<Watch> {
    this.#checkOpen();
    options.signal?.throwIfAborted();
    const replay = this.#entries(options.prefix ?? "");
    const watch = new MemoryWatch(options, replay, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { expiry } of this.#stored.values()) expiry?.cancel();
    await Promise.all([...this.#watches].map((watch) => watch.close()));
  }

  #checkExpected(key: string, { expectedRevision }: PutOptions): void {
    const present = this.#stored.get(key)?.entry.revision ?? 0n;
    if (expectedRevision === undefined || expectedRevision === present) return;
    throw revisionConflict(key, expectedRevision);
  }

  #store(entry: BucketEntry): void {
    this.#forget(entry.key);
    const { expireAfterMs } = this.#topology;
    const expire = (): void => this.#remove(entry.key, entry.revision);
    const expiry = expireAfterMs > 0 ? this.#clock.schedule(expireAfterMs, expire) : undefined;
    this.#stored.set(entry.key, { entry, expiry });
    for (const watch of this.#watches) watch.offer(entry);
  }

  #remove(key: string, revision: bigint): void {
    this.#forget(key);
    for (const watch of this.#watches)
      watch.offer({ key, value: noBytes, revision, deleted: true });
  }

  #forget(key: string): void {
    this.#stored.get(key)?.expiry?.cancel();
    this.#stored.delete(key);
  }

  #entries(prefix: string): BucketEntry[] {
    const entries: BucketEntry[] = [];
    for (const { entry } of this.#stored.values()) {
      if (entry.key.startsWith(prefix)) entries.push(entry);
    }
    return entries;
  }

  #nextRevision(): bigint {
    this.#revision += 1n;
    return this.#revision;
  }

  #checkOpen(): void {
    if (this.#closed) throw busClosed();
  }
}
