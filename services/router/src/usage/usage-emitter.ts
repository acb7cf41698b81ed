import { confirmedKey, usageSubject } from "@penstock/bus";
import type { BucketEntry, Bus, StreamMessage, Watch } from "@penstock/bus";
import type { Logger, Observability } from "@penstock/observability";
import { sleep } from "@penstock/runtime";
import type { Clock, Timer } from "@penstock/runtime";
import { readFinals } from "./read-finals.ts";
import type { FinalRecord } from "./spool-callback.ts";
import type { Spool } from "./spool.ts";

/** The most events of one publication, and how long one waits for more (performance.md §8). */
const mostInBatch = 512;
const batchIntervalMs = 10;
/** Events that wait in memory; what comes beyond is read from the disk later. */
const mostQueuedBytes = 8 * 1024 * 1024;
const firstRetryMs = 100;
const longestRetryMs = 5_000;
/** Events that were published so long ago and are not confirmed are published again. */
const replayMs = 60_000;

const consumers = ["quota", "telemetry"] as const;

/** What an emitter needs. */
export interface UsageEmitterOptions {
  readonly spool: Spool;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly replica: string;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
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
  readonly #options: UsageEmitterOptions;
  readonly #logger: Logger;
  readonly #subject: string;
  readonly #published;
  readonly #confirmed = new Map<string, bigint>();
  readonly #backlogs: Backlog[] = [];
  #watches: Watch[] = [];
  #queue: FinalRecord[] = [];
  #queuedBytes = 0;
  #running = false;
  #closed = false;
  #flushing = false;
  #idle = Promise.withResolvers<void>();
  #replayTimer: Timer | undefined;
  #progressAt = 0;
  readonly #abort = new AbortController();

  constructor(options: UsageEmitterOptions) {
    this.#options = options;
    this.#logger = options.observability.logger;
    this.#subject = usageSubject(options.replica);
    const help = "Usage events handed to the bus, by outcome.";
    const { metrics } = options.observability;
    this.#published = metrics.counter("penstock_usage_published_total", help, ["outcome"]);
    metrics.gaugeFunction(
      "penstock_usage_queued_events",
      "Usage events in memory that the bus does not have yet.",
      () => this.#queue.length,
    );
    options.spool.listener = this;
    this.#idle.resolve();
  }

  /** Follows what consumers confirm and publishes what earlier lives have left. */
  async start(): Promise<void> {
    const { bus, spool, replica, clock } = this.#options;
    this.#progressAt = clock.monotonicMs();
    for (const consumer of consumers) {
      const prefix = `${consumer}.${replica}.`;
      const watch = await bus.confirmed.watch({
        prefix,
        onEntry: (entry) => this.#onConfirmed(entry),
        onProblem: (error) => this.#logger.warn("confirmations can't be followed", { error }),
      });
      this.#watches.push(watch);
    }
    for (const { epoch } of spool.retiredEpochs) {
      this.#backlogs.push({ epoch, after: spool.segments.confirmedOf(epoch) });
    }
    this.#scheduleReplay();
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

  /** Stops; what was not published stays on the disk for the next life. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#replayTimer?.cancel();
    this.#abort.abort();
    await Promise.all(this.#watches.map((watch) => watch.close()));
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
    while (!this.#closed) {
      if (this.#queue.length > 0) await this.#publishQueue();
      else if (this.#backlogs.length > 0) await this.#publishBacklog();
      else return;
      const few = this.#queue.length > 0 && this.#queue.length < mostInBatch;
      if (few && !this.#flushing) await this.#pause(batchIntervalMs);
    }
  }

  async #publishQueue(): Promise<void> {
    const batch = this.#queue.slice(0, mostInBatch);
    await this.#publish(batch);
    if (this.#closed) return;
    this.#queue.splice(0, batch.length);
    for (const { payload } of batch) this.#queuedBytes -= payload.length;
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
        await this.#publish(batch);
        batch = [];
        if (this.#closed) return;
      }
      await this.#publish(batch);
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

  /** Publishes until every event was taken. Gives up only when closed. */
  async #publish(batch: readonly FinalRecord[]): Promise<void> {
    let left = batch;
    let retryMs = firstRetryMs;
    while (left.length > 0 && !this.#closed) {
      left = await this.#publishOnce(left);
      if (left.length === 0) return;
      await this.#pause(retryMs * (0.9 + 0.2 * Math.random()));
      retryMs = Math.min(longestRetryMs, retryMs * 2);
    }
  }

  async #publishOnce(batch: readonly FinalRecord[]): Promise<readonly FinalRecord[]> {
    const messages = batch.map((final) => this.#message(final));
    try {
      const results = await this.#options.bus.usage.publish(messages, this.#abort.signal);
      const failed = batch.filter((_, index) => results[index]?.ok !== true);
      this.#published.add(batch.length - failed.length, "ok");
      this.#published.add(failed.length, "failed");
      return failed;
    } catch (error) {
      this.#published.add(batch.length, "failed");
      if (!this.#closed) this.#logger.warn("the bus takes no usage events", { error });
      return batch;
    }
  }

  #message({ requestId, payload, traceparent }: FinalRecord): StreamMessage {
    const message = { id: requestId, subject: this.#subject, payload };
    return traceparent === undefined ? message : { ...message, traceparent };
  }

  async #pause(durationMs: number): Promise<void> {
    try {
      await sleep(this.#options.clock, durationMs, this.#abort.signal);
    } catch {
      // Closed: the loops end by themselves.
    }
  }

  #onConfirmed({ key, value, deleted }: BucketEntry): void {
    if (deleted || value.length !== 8) return;
    const sequence = Buffer.from(value).readBigUInt64BE();
    if (sequence <= (this.#confirmed.get(key) ?? 0n)) return;
    this.#confirmed.set(key, sequence);
    this.#progressAt = this.#options.clock.monotonicMs();
    const epochText = key.slice(key.lastIndexOf(".") + 1);
    if (!/^\d{1,18}$/.test(epochText)) return;
    const epoch = BigInt(epochText);
    const { spool } = this.#options;
    spool.confirm(epoch, this.#confirmedByAll(epoch));
  }

  #confirmedByAll(epoch: bigint): bigint {
    let least: bigint | undefined;
    for (const consumer of consumers) {
      const key = confirmedKey(consumer, this.#options.replica, epoch);
      const sequence = this.#confirmed.get(key) ?? 0n;
      if (least === undefined || sequence < least) least = sequence;
    }
    return least ?? 0n;
  }

  #scheduleReplay(): void {
    this.#replayTimer = this.#options.clock.schedule(replayMs, () => {
      if (this.#closed) return;
      this.#replay();
      this.#scheduleReplay();
    });
  }

  /** The bus may have lost what it had acknowledged: what is not confirmed is published again. */
  #replay(): void {
    const { spool, clock } = this.#options;
    if (clock.monotonicMs() - this.#progressAt < replayMs || this.#running) return;
    for (const epoch of spool.segments.epochs()) {
      const after = this.#confirmedByAll(epoch);
      const left = spool.segments.of(epoch).some(({ lastSequence }) => lastSequence > after);
      if (left) this.#backlogs.push({ epoch, after });
    }
    if (this.#backlogs.length === 0) return;
    this.#logger.warn("usage events are not confirmed and are published again", {
      epochs: this.#backlogs.map(({ epoch, after }) => `${epoch}>${after}`),
    });
    this.#wake();
  }
}
