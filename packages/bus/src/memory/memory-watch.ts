import type { BucketEntry, Watch, WatchOptions } from "../config-bucket.ts";

/** Entries told in one turn of the event loop; a replay of 200,000 must not stall streams. */
const entriesPerTurn = 256;

/** One watcher of a memory bucket: told on the next turn, a bounded number per turn. */
export class MemoryWatch implements Watch {
  readonly #options: WatchOptions;
  readonly #onClose: () => void;
  // The newest news per key, in the order of revisions: bounded by the number of keys.
  readonly #pending = new Map<string, BucketEntry>();
  /** Revision of the last replayed entry; undefined once the watcher was told it caught up. */
  #caughtUpAt: bigint | undefined;
  #scheduled = false;
  #closed = false;

  constructor(options: WatchOptions, replay: readonly BucketEntry[], onClose: () => void) {
    this.#options = options;
    this.#onClose = onClose;
    for (const entry of replay) this.#pending.set(entry.key, entry);
    this.#caughtUpAt = replay.at(-1)?.revision ?? 0n;
    options.signal?.addEventListener("abort", this.#end, { once: true });
    this.#schedule();
  }

  /** Takes news of the bucket. */
  offer(entry: BucketEntry): void {
    if (!entry.key.startsWith(this.#options.prefix ?? "")) return;
    this.#pending.delete(entry.key);
    this.#pending.set(entry.key, entry);
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#end();
  }

  readonly #end = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending.clear();
    this.#options.signal?.removeEventListener("abort", this.#end);
    this.#onClose();
  };

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#tell();
    });
  }

  #tell(): void {
    let told = 0;
    for (const entry of this.#pending.values()) {
      if (this.#closed) return;
      this.#tellCaughtUp(entry.revision);
      if (told === entriesPerTurn) return this.#schedule();
      this.#pending.delete(entry.key);
      told += 1;
      this.#call(() => this.#options.onEntry(entry));
    }
    if (!this.#closed) this.#tellCaughtUp(undefined);
  }

  /** Caught up: the next entry is newer than the replay, or there is none. */
  #tellCaughtUp(next: bigint | undefined): void {
    if (this.#caughtUpAt === undefined) return;
    if (next !== undefined && next <= this.#caughtUpAt) return;
    this.#caughtUpAt = undefined;
    this.#call(() => this.#options.onCaughtUp?.());
  }

  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.onProblem?.(error);
    }
  }
}
