import type { Bus } from "@penstock/bus";
import type { Counter, Logger, Observability } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import { Backlog } from "./backlog.ts";
import { Confirmations } from "./confirmations.ts";
import type { EmittedSpool } from "./emitted-spool.ts";
import { FinalQueue } from "./final-queue.ts";
import { ReplaySchedule } from "./replay-schedule.ts";
import type { FinalRecord } from "./spool-callback.ts";
import { UsagePublisher } from "./usage-publisher.ts";

/** How long a publication waits for more (performance.md §8). */
const batchIntervalMs = 10;
/** Events that wait in memory; what comes beyond is read from the disk later … */
const mostQueuedBytes = 8 * 1024 * 1024;
/** … until no more than this waits. */
const fewQueuedBytes = mostQueuedBytes / 2;
/** What can't be read from the disk later, because it was not written, may wait in memory, too. */
const mostUnwrittenBytes = 3 * mostQueuedBytes;

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

/** What became of a publication. */
interface Published {
  readonly tried: number;
  readonly left: number;
}

const nothing: Published = { tried: 0, left: 0 };

/**
 * Publishes every final, from memory or, when there is more than memory may hold, from the disk;
 * and lets the spool delete what both consumers have. Neither waits for the other: each turn takes
 * a batch of both. An event may be published twice; its id tells.
 */
export class UsageEmitter {
  /** Hears of every event that the bus has taken. */
  onPublished: (requestId: string) => void = () => undefined;
  readonly #options: UsageEmitterOptions;
  readonly #logger: Logger;
  readonly #publisher: UsagePublisher;
  readonly #confirmations: Confirmations;
  readonly #replays: ReplaySchedule;
  readonly #dropped: Counter;
  readonly #backlogs: Backlog[] = [];
  /** How far each epoch was confirmed when it was last published again. */
  readonly #replayedAt = new Map<bigint, bigint>();
  /** The backlog of what memory may not hold; it grows while it is set. */
  #spill: Backlog | undefined;
  /** Of the present epoch. */
  readonly #queue = new FinalQueue();
  /** The bus took nothing of what was last published. */
  #stalled = false;
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
    this.#dropped = metrics.counter(
      "penstock_usage_dropped_events_total",
      "Usage events that are in no segment of the spool and for which memory had no room.",
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
      this.#addBacklog(epoch, spool.segments.confirmedOf(epoch));
    }
    for (const epoch of [spool.epoch, ...spool.segments.epochs()]) this.#replays.progressed(epoch);
    this.#replays.start();
    this.#unlisten = bus.onRestored?.(() => this.#replays.restored());
    this.#wake();
  }

  /** A request is over. Called by the spool. */
  onFinal(record: FinalRecord, readable: boolean): void {
    const { length } = record.payload;
    const { bytes } = this.#queue;
    if (this.#spill !== undefined && bytes <= fewQueuedBytes) this.#spill = undefined;
    if (this.#spill !== undefined || bytes + length > mostQueuedBytes) {
      if (readable) {
        this.#spillUpTo(record.sequence);
        return;
      }
      if (bytes + length > mostUnwrittenBytes) {
        this.#drop(record);
        return;
      }
    }
    this.#queue.push(record);
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
    while (!this.#closed) {
      if (this.#queue.length === 0 && this.#backlogs.length === 0) return;
      const live = await this.#publishQueue();
      const former = await this.#publishBacklog();
      const left = live.left + former.left;
      const isTaking = left < live.tried + former.tried;
      this.#stalled = left > 0 && !isTaking;
      if (left > 0) await this.#publisher.backOff(isTaking);
      else await this.#gather();
    }
  }

  /** Waits a moment for others to go with the few that there are. */
  async #gather(): Promise<void> {
    const { length } = this.#queue;
    if (length === 0 || length >= this.#publisher.batchSize || this.#backlogs.length > 0) return;
    if (this.#flushing || this.#options.eager === true) return;
    await this.#publisher.pause(batchIntervalMs);
  }

  /** What the bus did not take stays at the front, and what follows goes with it. */
  async #publishQueue(): Promise<Published> {
    // What consumers have needs no acknowledgement any more.
    const confirmed = this.#confirmations.byAll(this.#options.spool.epoch);
    for (const final of this.#queue.takeUpTo(confirmed)) this.#publisher.confirmed(final);
    const batch = this.#queue.head(this.#publisher.batchSize);
    if (batch.length === 0) return nothing;
    const left = await this.#publisher.publish(batch);
    if (this.#closed) return nothing;
    this.#queue.replace(batch, left);
    return { tried: batch.length, left: left.length };
  }

  /** Publishes a batch of the oldest backlog. */
  async #publishBacklog(): Promise<Published> {
    const [backlog] = this.#backlogs;
    if (backlog === undefined || this.#closed) return nothing;
    const confirmed = backlog.believed(this.#confirmations.byAll(backlog.epoch));
    const batch = await backlog.take(this.#publisher.batchSize, confirmed, (final) =>
      this.#publisher.confirmed(final),
    );
    if (this.#closed) return nothing;
    const left = batch.length === 0 ? batch : await this.#publisher.publish(batch);
    if (this.#closed) return nothing;
    backlog.putBack(left);
    const isStuck = backlog.isRead && left.length === batch.length;
    // Looked at and ended without a pause, so that no final falls between disk and memory.
    if (backlog.isDone || isStuck) this.#backlogs.shift();
    if (backlog.isDone && backlog === this.#spill) this.#spill = undefined;
    // Others don't wait for the last few events that the bus does not take.
    if (!backlog.isDone && isStuck) this.#backlogs.push(backlog);
    return { tried: batch.length, left: left.length };
  }

  #addBacklog(epoch: bigint, after: bigint, doubted = 0n): void {
    const { segments, epoch: present } = this.#options.spool;
    const written = segments.of(epoch).map(({ lastSequence }) => lastSequence);
    const waiting = epoch === present ? this.#queue.first : undefined;
    // What comes now, and what still waits in memory, is not for the disk.
    const most = written.reduce((highest, one) => (one > highest ? one : highest), after);
    const until = waiting === undefined || waiting.sequence > most ? most : waiting.sequence - 1n;
    const backlog = new Backlog({ segments, epoch, after, until, doubted, logger: this.#logger });
    if (!backlog.isDone) this.#backlogs.push(backlog);
  }

  #spillUpTo(sequence: bigint): void {
    if (this.#spill !== undefined) {
      this.#spill.until = sequence;
      return;
    }
    const { segments, epoch } = this.#options.spool;
    const range = { after: sequence - 1n, until: sequence };
    this.#spill = new Backlog({ segments, epoch, ...range, logger: this.#logger });
    this.#backlogs.push(this.#spill);
  }

  #drop({ requestId, sequence }: FinalRecord): void {
    this.#dropped.add(1);
    this.#logger.error("a usage event was dropped: it is in no segment, and memory is full", {
      request_id: requestId,
      sequence: String(sequence),
    });
  }

  #unconfirmedEpochs(): { readonly epoch: bigint; readonly after: bigint }[] {
    const { segments } = this.#options.spool;
    return segments
      .epochs()
      .map((epoch) => ({ epoch, after: this.#confirmations.byAll(epoch) }))
      .filter(({ epoch, after }) =>
        segments.of(epoch).some(({ lastSequence }) => lastSequence > after),
      );
  }

  /**
   * The bus may have lost what it had acknowledged: what is not confirmed is published again. Where
   * that is in vain a consumer may have lost what it had confirmed: all that is left on the disk is
   * published again.
   */
  #replay(): void {
    const waiting = this.#stalled || this.#backlogs.length > 0;
    const unconfirmed = this.#unconfirmedEpochs();
    const due = unconfirmed.filter(({ epoch }) => this.#replays.isDue(epoch, waiting));
    if (due.length === 0) return;
    const replays = due.map(({ epoch, after }) => {
      const inVain = this.#replayedAt.get(epoch) === after;
      this.#replayedAt.set(epoch, after);
      return inVain ? { epoch, after: 0n, doubted: after } : { epoch, after, doubted: 0n };
    });
    for (const { epoch, after, doubted } of replays) this.#addBacklog(epoch, after, doubted);
    this.#logger.warn("usage events are not confirmed and are published again", {
      epochs: replays.map(({ epoch, after }) => `${epoch}>${after}`),
    });
    this.#wake();
  }
}
