import type { Bus } from "@penstock/bus";
import type { Logger, Observability } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import { Confirmations } from "./confirmations.ts";
import type { EmittedSpool } from "./emitted-spool.ts";
import { readFinals } from "./read-finals.ts";
import { ReplaySchedule } from "./replay-schedule.ts";
import type { FinalRecord } from "./spool-callback.ts";
import { UsagePublisher } from "./usage-publisher.ts";

/** The most events of one publication, and how long one waits for more (performance.md §8). */
const mostInBatch = 512;
const batchIntervalMs = 10;
/** Events that wait in memory; what comes beyond is read from the disk later. */
const mostQueuedBytes = 8 * 1024 * 1024;

/** What an emitter needs. */
export interface UsageEmitterOptions {
  readonly spool: EmittedSpool;
  readonly bus: Pick<Bus, "usage" | "confirmed"> & Partial<Pick<Bus, "onRestored">>;
  /** Name on the usage stream and in the keys of confirmations, see `workerName`. */
  readonly replica: string;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
  /** Somebody waits for each event: none is held back for others to come. */
  readonly eager?: boolean;
}

/** Finals of an epoch that are to be read from the disk and published: those after `after`. */
interface Backlog {
  readonly epoch: bigint;
  after: bigint;
}

/**
 * Publishes every final, from memory or, when there is more than memory may hold, from the disk;
 * and lets the spool delete what both consumers have. An event may be published twice; its id
 * tells.
 */
export class UsageEmitter {
  /** Hears of every event that the bus has taken. */
  onPublished: (requestId: string) => void = () => undefined;
  readonly #options: UsageEmitterOptions;
  readonly #logger: Logger;
  readonly #publisher: UsagePublisher;
  readonly #confirmations: Confirmations;
  readonly #replays: ReplaySchedule;
  readonly #backlogs: Backlog[] = [];
  #queue: FinalRecord[] = [];
  #queuedBytes = 0;
  #unlisten: (() => void) | undefined;
  #running = false;
  #closed = false;
  #flushing = false;
  #idle = Promise.withResolvers<void>();
  #confirmed = Promise.withResolvers<void>();

  constructor(options: UsageEmitterOptions) {
    this.#options = options;
    const { spool, replica, bus, clock, observability } = options;
    const { logger, metrics } = observability;
    this.#logger = logger;
    this.#publisher = new UsagePublisher({
      usage: bus.usage,
      replica,
      folder: spool.folder,
      clock,
      observability,
      onPublished: (requestId) => this.onPublished(requestId),
    });
    metrics.gaugeFunction(
      "penstock_usage_queued_events",
      "Usage events in memory that the bus does not have yet.",
      () => this.#queue.length,
    );
    this.#replays = new ReplaySchedule(clock, () => this.#replay());
    this.#confirmations = new Confirmations({
      bucket: bus.confirmed,
      replica,
      logger,
      onConfirmed: (epoch, sequence) => {
        this.#replays.progressed(epoch);
        spool.confirm(epoch, sequence);
        this.#confirmed.resolve();
        this.#confirmed = Promise.withResolvers<void>();
      },
      onGap: () => this.#replays.restored(),
    });
    spool.listener = this;
    this.#idle.resolve();
  }

  /** Follows what consumers confirm and publishes what earlier lives have left. */
  async start(): Promise<void> {
    const { spool, bus } = this.#options;
    await this.#confirmations.start();
    for (const { epoch } of spool.retiredEpochs) {
      this.#backlogs.push({ epoch, after: spool.segments.confirmedOf(epoch) });
    }
    for (const epoch of [spool.epoch, ...spool.segments.epochs()]) this.#replays.progressed(epoch);
    this.#replays.start();
    this.#unlisten = bus.onRestored?.(() => this.#replays.restored());
    this.#wake();
  }

  /** A final was written. Called by the spool. */
  onFinal(record: FinalRecord): void {
    const { spool } = this.#options;
    if (this.#backlogs.length > 0) {
      const spilled = this.#backlogs.some(({ epoch }) => epoch === spool.epoch);
      if (spilled) return;
    }
    if (this.#queuedBytes + record.payload.length > mostQueuedBytes) {
      this.#backlogs.push({ epoch: spool.epoch, after: record.sequence - 1n });
      return;
    }
    this.#queue.push(record);
    this.#queuedBytes += record.payload.length;
    this.#wake();
  }

  /** Publishes what is final now, waiting at most `deadlineMs`; true when all was published. */
  async flush(deadlineMs: number): Promise<boolean> {
    this.#flushing = true;
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.schedule(deadlineMs, resolve);
    this.#wake();
    await Promise.race([this.#idle.promise, expired]);
    timer.cancel();
    this.#flushing = false;
    return this.#queue.length === 0 && this.#backlogs.length === 0;
  }

  /** Waits at most `deadlineMs` until both consumers have everything; true when they have. */
  async allConfirmed(deadlineMs: number): Promise<boolean> {
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    let over = false;
    const timer = this.#options.clock.schedule(deadlineMs, () => {
      over = true;
      resolve();
    });
    while (this.#unconfirmedEpochs().length > 0 && !over) {
      await Promise.race([this.#confirmed.promise, expired]);
    }
    timer.cancel();
    return !over;
  }

  /** Stops; what was not published stays on the disk for the next life. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unlisten?.();
    this.#replays.close();
    this.#publisher.close();
    await this.#confirmations.close();
    await this.#idle.promise;
  }

  #wake(): void {
    if (this.#running || this.#closed) return;
    if (this.#queue.length === 0 && this.#backlogs.length === 0) return;
    this.#running = true;
    this.#idle = Promise.withResolvers<void>();
    // The next turn, so that all finals of this one go together.
    setImmediate(() => {
      void this.#run()
        .catch((error: unknown) => {
          if (!this.#closed) this.#logger.error("usage events can't be published", { error });
        })
        .finally(() => {
          this.#running = false;
          this.#idle.resolve();
          this.#wake();
        });
    });
  }

  async #run(): Promise<void> {
    const { eager } = this.#options;
    while (!this.#closed) {
      if (this.#queue.length > 0) await this.#publishQueue();
      else if (this.#backlogs.length > 0) await this.#publishBacklog();
      else return;
      const few = this.#queue.length > 0 && this.#queue.length < mostInBatch;
      if (few && !this.#flushing && eager !== true) await this.#publisher.pause(batchIntervalMs);
    }
  }

  /** What the bus did not take stays at the front, and what follows goes with it. */
  async #publishQueue(): Promise<void> {
    const batch = this.#queue.slice(0, mostInBatch);
    const left = await this.#publisher.publish(batch);
    if (this.#closed) return;
    this.#queue.splice(0, batch.length, ...left);
    for (const { payload } of batch) this.#queuedBytes -= payload.length;
    for (const { payload } of left) this.#queuedBytes += payload.length;
    if (left.length > 0) await this.#publisher.backOff(left.length < batch.length);
  }

  /** Publishes the oldest backlog until there is nothing left of it on the disk. */
  async #publishBacklog(): Promise<void> {
    const [backlog] = this.#backlogs;
    if (backlog === undefined) return;
    const { spool } = this.#options;
    const own = backlog.epoch === spool.epoch;
    const { after } = backlog;
    let last = after;
    for (const segment of spool.segments.of(backlog.epoch)) {
      if (segment.lastSequence <= after) continue;
      let batch: FinalRecord[] = [];
      for (const final of await this.#finalsOf(segment.path, after)) {
        if (final.sequence > last) last = final.sequence;
        batch.push(final);
        if (batch.length < mostInBatch) continue;
        await this.#publishAll(batch);
        batch = [];
        if (this.#closed) return;
      }
      await this.#publishAll(batch);
      if (this.#closed) return;
    }
    backlog.after = last;
    // Checked and ended without a pause, so that no final falls between disk and memory. What can't
    // be read is given up; a replay tries again.
    const caughtUp = last >= spool.segments.lastWritten || last === after;
    if (!own || caughtUp) this.#backlogs.shift();
  }

  async #finalsOf(path: string, after: bigint): Promise<Iterable<FinalRecord>> {
    try {
      return await readFinals(path, after);
    } catch (error) {
      // It was confirmed and deleted while it was to be read.
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  }

  /** Publishes until the bus takes events; single ones that it does not take go to the queue. */
  async #publishAll(batch: readonly FinalRecord[]): Promise<void> {
    let left = batch;
    let taken = 0;
    while (left.length > 0 && !this.#closed) {
      const next = await this.#publisher.publish(left);
      taken += left.length - next.length;
      const stuck = next.length === left.length && taken > 0;
      left = next;
      if (left.length === 0 || stuck) break;
      await this.#publisher.backOff(taken > 0);
    }
    this.#queue.push(...left);
    for (const { payload } of left) this.#queuedBytes += payload.length;
  }

  #unconfirmedEpochs(): Backlog[] {
    const { segments } = this.#options.spool;
    return segments
      .epochs()
      .map((epoch) => ({ epoch, after: this.#confirmations.byAll(epoch) }))
      .filter(({ epoch, after }) =>
        segments.of(epoch).some(({ lastSequence }) => lastSequence > after),
      );
  }

  /** The bus may have lost what it had acknowledged: what is not confirmed is published again. */
  #replay(): void {
    const waiting = this.#queue.length > 0 || this.#backlogs.length > 0;
    const unconfirmed = this.#unconfirmedEpochs();
    const due = unconfirmed.filter(({ epoch }) => this.#replays.isDue(epoch, waiting));
    if (due.length === 0) return;
    this.#backlogs.push(...due);
    this.#logger.warn("usage events are not confirmed and are published again", {
      epochs: due.map(({ epoch, after }) => `${epoch}>${after}`),
    });
    this.#wake();
  }
}
