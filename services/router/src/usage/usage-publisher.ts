import { usageSubject } from "@penstock/bus";
import type { Bus, PublishResult } from "@penstock/bus";
import type { Counter, Logger, Observability } from "@penstock/observability";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { EventPacker } from "./event-packer.ts";
import type { Parcel } from "./event-packer.ts";
import { RefusedEvents } from "./refused-events.ts";
import type { FinalRecord } from "./spool-callback.ts";

/** The most events of one publication (performance.md §8). */
const mostInBatch = 512;
const firstRetryMs = 100;
const longestRetryMs = 5_000;

/** What a publisher needs. */
export interface UsagePublisherOptions {
  readonly usage: Bus["usage"];
  /** Name on the usage stream. */
  readonly replica: string;
  /** Of the spool. */
  readonly folder: string;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
  /** Hears of every event that the bus has taken. */
  onPublished(requestId: string): void;
}

/** Hands events to the bus, once each call; what is to become of those not taken it says. */
export class UsagePublisher {
  readonly #options: UsagePublisherOptions;
  readonly #logger: Logger;
  readonly #packer: EventPacker;
  readonly #counter: Counter;
  readonly #refused: RefusedEvents;
  readonly #abort = new AbortController();
  #retryMs = firstRetryMs;
  #batchSize = mostInBatch;
  #tookBefore = false;

  constructor(options: UsagePublisherOptions) {
    const { replica, folder, observability } = options;
    this.#options = options;
    this.#logger = observability.logger;
    this.#packer = new EventPacker(usageSubject(replica));
    const help = "Usage events handed to the bus, by outcome.";
    const { metrics } = observability;
    this.#counter = metrics.counter("penstock_usage_published_total", help, ["outcome"]);
    this.#refused = new RefusedEvents(folder, observability);
  }

  /** Ends what waits; publishes nothing any more. */
  close(): void {
    this.#abort.abort();
  }

  /**
   * How many events are to be published at once: half as many after the bus did not acknowledge
   * all in time, or it would never acknowledge enough; a quarter more after it did.
   */
  get batchSize(): number {
    return this.#batchSize;
  }

  /** Consumers have these, whatever the bus has acknowledged. */
  confirmed(final: FinalRecord): void {
    this.#refused.taken(final.requestId);
    this.#options.onPublished(final.requestId);
  }

  /** Publishes once; gives what is to be tried again. Never rejects. */
  async publish(batch: readonly FinalRecord[]): Promise<readonly FinalRecord[]> {
    const parcels = this.#packer.pack(batch);
    const results = await this.#results(parcels);
    this.#packer.published(parcels, results);
    let taken = 0;
    for (const [index, { finals }] of parcels.entries()) {
      if (results[index]?.ok === true) taken += finals.length;
    }
    this.#counter.add(taken, "ok");
    this.#counter.add(batch.length - taken, "failed");
    if (taken === batch.length) this.#retryMs = firstRetryMs;
    this.#adapt(batch.length, taken, results);
    // One publication with nothing but events that the bus never takes proves nothing by itself.
    const othersTaken = taken > 0 || this.#tookBefore;
    this.#tookBefore = taken > 0;
    const left: FinalRecord[] = [];
    for (const [index, parcel] of parcels.entries()) {
      this.#conclude(parcel, results[index], othersTaken, left);
    }
    return left;
  }

  /** Adds to `left` what is to be tried again. */
  #conclude(
    { finals }: Parcel,
    result: PublishResult | undefined,
    othersTaken: boolean,
    left: FinalRecord[],
  ): void {
    if (result?.ok === true) {
      for (const final of finals) this.confirmed(final);
      return;
    }
    // Of several nobody knows which one is to blame; fewer go together next.
    if (finals.length > 1) {
      left.push(...finals);
      return;
    }
    for (const final of finals) {
      const next = this.#refused.refused(final, result, othersTaken);
      if (next !== undefined) left.push(next);
    }
  }

  /** Waits before the next try, longer each time. `some`: the bus took a part, so it is there. */
  async backOff(some: boolean): Promise<void> {
    if (some) this.#retryMs = firstRetryMs;
    await this.pause(this.#retryMs * (0.9 + 0.2 * Math.random()));
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2);
  }

  /** Waits, at most until it is closed. */
  async pause(durationMs: number): Promise<void> {
    try {
      await sleep(this.#options.clock, durationMs, this.#abort.signal);
    } catch {
      // Closed: the loops end by themselves.
    }
  }

  #adapt(tried: number, taken: number, results: readonly (PublishResult | undefined)[]): void {
    const isLate = results.some(
      (result) => result?.ok === false && result.error.reason === "DEADLINE_EXCEEDED",
    );
    if (isLate) this.#batchSize = Math.max(1, Math.min(this.#batchSize, tried) >> 1);
    else if (tried >= this.#batchSize && taken === tried) {
      this.#batchSize = Math.min(mostInBatch, Math.ceil(this.#batchSize * 1.25));
    }
  }

  async #results(parcels: readonly Parcel[]): Promise<readonly (PublishResult | undefined)[]> {
    const messages = parcels.map(({ message }) => message);
    try {
      return await this.#options.usage.publish(messages, this.#abort.signal);
    } catch (error) {
      if (!this.#abort.signal.aborted)
        this.#logger.warn("the bus takes no usage events", { error });
      return parcels.map(() => undefined);
    }
  }
}
