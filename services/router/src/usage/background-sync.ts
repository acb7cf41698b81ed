import type { Clock, Timer } from "@penstock/runtime";
import type { SpoolFiles } from "./spool-files.ts";
import type { SpoolSegment } from "./spool-segment.ts";

/** At most this long after it was written a record is on the disk (decisions §5). */
const syncIntervalMs = 50;

/** A disk that takes longer is as good as none for who waits for it. */
const longestWaitMs = 2_000;

/** What becomes of a failed sync: the bytes belong into another file. */
export interface SyncOwner {
  /** False when they could not be written again: who waits for them is told of the error. */
  onSyncFailed(segment: SpoolSegment, unsynced: readonly Buffer[], error: Error): boolean;
}

/** Hears once: undefined when what was written is on the disk, else why it will not be. */
type SyncListener = (error: Error | undefined) => void;

/** A file with what is written to it and perhaps not on the disk. */
interface SyncTarget {
  readonly segment: SpoolSegment;
  readonly fd: number;
  unsynced: Buffer[];
  /** Number of the last write to it. */
  write: number;
  /** Number of the last write to it that is known to be on the disk. */
  synced: number;
  sealed: boolean;
}

/**
 * Syncs what was written, on the thread pool: every 50 ms when there is something, or at once for
 * those who wait for it; file by file in the order of the writes. A failed sync is never repeated
 * on the same file: the kernel may have dropped the pages and would report success.
 */
export class BackgroundSync {
  readonly #files: SpoolFiles;
  readonly #clock: Clock;
  readonly #owner: SyncOwner;
  readonly #targets: SyncTarget[] = [];
  #waiting: { write: number; readonly done: SyncListener; readonly timer: Timer }[] = [];
  #writes = 0;
  #running = false;
  #timer: Timer | undefined;
  #settled: (() => void) | undefined;

  constructor(files: SpoolFiles, clock: Clock, owner: SyncOwner) {
    this.#files = files;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** `bytes` were appended to the segment; they are copied, to be written again if need be. */
  written(segment: SpoolSegment, bytes: Buffer): void {
    this.#writes += 1;
    const target = this.#target(segment);
    target.unsynced.push(Buffer.from(bytes));
    target.write = this.#writes;
    this.#schedule();
  }

  /** The segment takes no more; its file is closed once it is synced. */
  sealed(segment: SpoolSegment, fd: number): void {
    const target = this.#targets.find((one) => one.segment === segment);
    if (target === undefined) {
      this.#files.closeSync(fd);
      return;
    }
    target.sealed = true;
    this.#schedule();
  }

  /**
   * Calls `done` when everything written so far is on the disk, or lost, or after 2 s; syncs at
   * once.
   */
  whenSynced(done: SyncListener): void {
    if (!this.#targets.some((one) => one.write > one.synced)) {
      done(undefined);
      return;
    }
    const timer = this.#clock.schedule(longestWaitMs, () => {
      const at = this.#waiting.findIndex((one) => one.timer === timer);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      done(new Error(`the disk did not sync within ${longestWaitMs} ms`));
    });
    this.#waiting.push({ write: this.#writes, done, timer });
    this.#start();
  }

  /** Syncs everything and closes what is sealed. */
  settle(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    return new Promise((resolve) => {
      this.#settled = resolve;
      this.#start();
    });
  }

  #target(segment: SpoolSegment): SyncTarget {
    const last = this.#targets.at(-1);
    if (last?.segment === segment) return last;
    const fd = segment.fd ?? -1;
    const written = { write: this.#writes, synced: 0 };
    const target = { segment, fd, unsynced: [], ...written, sealed: false };
    this.#targets.push(target);
    return target;
  }

  #schedule(): void {
    this.#timer ??= this.#clock.schedule(syncIntervalMs, () => {
      this.#timer = undefined;
      this.#start();
    });
  }

  #start(): void {
    if (this.#running) return;
    const target = this.#targets.find((one) => one.sealed || one.unsynced.length > 0);
    if (target === undefined) {
      this.#settled?.();
      return;
    }
    this.#running = true;
    const unsynced = target.unsynced;
    const { write } = target;
    target.unsynced = [];
    this.#files.fdatasync(target.fd, (error) => {
      this.#running = false;
      if (error) this.#failed(target, unsynced, error);
      else this.#synced(target, write);
      const more = this.#targets.some((one) => one.sealed || one.unsynced.length > 0);
      const urgent = this.#waiting.length > 0 || this.#settled !== undefined;
      if (urgent) this.#start();
      else if (more) this.#schedule();
    });
  }

  #synced(target: SyncTarget, write: number): void {
    target.synced = write;
    if (target.sealed && target.unsynced.length === 0) this.#drop(target);
    this.#tell(write, undefined);
  }

  #tell(write: number, error: Error | undefined): void {
    const ready = this.#waiting.filter((one) => one.write <= write);
    this.#waiting = this.#waiting.filter((one) => one.write > write);
    for (const { done, timer } of ready) {
      timer.cancel();
      done(error);
    }
  }

  #failed(target: SyncTarget, unsynced: readonly Buffer[], error: Error): void {
    const lost = [...unsynced, ...target.unsynced];
    this.#drop(target);
    if (!this.#owner.onSyncFailed(target.segment, lost, error)) this.#tell(target.write, error);
    for (const one of this.#waiting) one.write = this.#writes;
  }

  #drop(target: SyncTarget): void {
    this.#targets.splice(this.#targets.indexOf(target), 1);
    this.#files.closeSync(target.fd);
  }
}
