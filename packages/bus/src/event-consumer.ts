import { systemClock } from "@penstock/runtime";

import { consumeBatches } from "./batch-consumer.ts";
import type { ReadDelivery } from "./batch-consumer.ts";
import { BatchSize } from "./batch-size.ts";
import type { ConfigBucket } from "./config-bucket.ts";
import { ConfirmedWriter } from "./confirmed-writer.ts";
import type { ConfirmedSequence } from "./confirmed-writer.ts";
import { eventsIn } from "./event-batch.ts";
import type { Consumption, Delivery, DeliveryOutcome, EventStream } from "./event-stream.ts";
import { busClosed } from "./limits.ts";

/** The number of one event of one life of a router. */
export interface NumberedEvent {
  readonly replica: string;
  readonly epoch: bigint;
  readonly sequence: bigint;
}

/** What a service does with the events that it consumes. */
export interface EventWork<Item> {
  /** Names the consumer in the stream and in bucket `confirmed`; all instances share it. */
  readonly consumer: string;
  /** Events handed to `store` at most while nothing is known of how long it takes. */
  readonly maxBatch: number;
  /** Events handed to it at most where it is fast; absent: `maxBatch`. */
  readonly largestBatch?: number;
  /** Undefined for what is no event, now and for ever. */
  read(payload: Uint8Array): Item | undefined;
  /** The number of an event that can't be read otherwise; undefined when it does not say. */
  numberOf(payload: Uint8Array): NumberedEvent | undefined;
  /** How long an event has to wait for what it needs; undefined: not at all. */
  waitMs(item: Item, deliveryCount: number): number | undefined;
  /** Takes all of them in one transaction, or throws and takes none; says how far it got. */
  store(batch: readonly ReadDelivery<Item>[]): Promise<readonly ConfirmedSequence[]>;
  /** Notes an event as consumed that was not and never will be. */
  pass(event: NumberedEvent): Promise<readonly ConfirmedSequence[]>;
  /** The number of an event that was read. */
  eventOf(item: Item): NumberedEvent;
  /** Whether an error of `store` lies in the events, so that trying again would not help. */
  isLasting(error: unknown): boolean;
}

/** What is told of consuming; none of them throws. */
export interface EventConsumerEvents<Item> {
  eventMalformed(id: string): void;
  /** It is given up after many tries. */
  eventRefused(item: Item, error: unknown): void;
  consumerProblem(error: unknown): void;
  confirmFailed(error: unknown): void;
}

/** What consuming works with. */
export interface EventConsumerOptions<Item> {
  readonly stream: Pick<EventStream, "consume">;
  readonly confirmed: Pick<ConfigBucket, "put" | "get">;
  readonly work: EventWork<Item>;
  readonly events: EventConsumerEvents<Item>;
}

const maximumWaitMs = 5_000;
const retryAfterMs = 1_000;
/**
 * Messages asked for at once, as a part of the events of one transaction: one message has many
 * events where there are many. Full messages still make up to 21 transactions, more than the time
 * to answer may hold, so the bus hears of progress before each. To ask for fewer would make small
 * transactions of messages with one event; to leave the rest of a slow batch to its next delivery
 * would count as a delivery that failed, and after thirty of those events are given up.
 */
const messagesPerEvent = 1 / 4;

/** A message, and its events as if each had come alone. */
interface Message {
  readonly delivery: Delivery;
  readonly events: readonly Delivery[];
}

/**
 * Consumes usage events: batch → one transaction → confirmed sequences → ack. What can never be
 * stored is confirmed as well, because its router would send it again and again. A message with
 * several events comes again as a whole while one of them has to: `store` knows those it has.
 */
export class EventConsumer<Item> {
  readonly #options: EventConsumerOptions<Item>;
  readonly #confirmed: ConfirmedWriter;
  readonly #batch: BatchSize;
  #consumption: Consumption | undefined;
  #closing = false;

  constructor(options: EventConsumerOptions<Item>) {
    this.#options = options;
    const { consumer, maxBatch, largestBatch = maxBatch } = options.work;
    this.#confirmed = new ConfirmedWriter(options.confirmed, consumer);
    this.#batch = new BatchSize(maxBatch, largestBatch);
  }

  /** Starts to consume, or goes on where another instance of the service stopped. */
  async start(signal?: AbortSignal): Promise<void> {
    const { stream, work, events } = this.#options;
    signal?.addEventListener("abort", () => (this.#closing = true), { once: true });
    this.#consumption = await stream.consume({
      consumer: work.consumer,
      maxBatch: Math.ceil(work.maxBatch * messagesPerEvent),
      maxWaitMs: maximumWaitMs,
      ...(signal === undefined ? {} : { signal }),
      handle: (batch, progress) => this.handle(batch, progress),
      onProblem: (error) => events.consumerProblem(error),
    });
  }

  /** Finishes the transaction under way and begins no more; the rest is delivered again. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#consumption?.close();
  }

  /** Handles one batch; never throws. `progress` is called before each transaction. */
  async handle(
    batch: readonly Delivery[],
    progress: () => void = () => undefined,
  ): Promise<DeliveryOutcome[]> {
    const outcomes: DeliveryOutcome[] = [];
    // Read in parts, so that others get their turn in between.
    let part: Message[] = [];
    let count = 0;
    for (const delivery of batch) {
      const message = { delivery, events: eventsOf(delivery) };
      if (count > 0 && count + message.events.length > this.#batch.size) {
        outcomes.push(...(await this.#handlePart(part, progress)));
        part = [];
        count = 0;
      }
      part.push(message);
      count += message.events.length;
    }
    outcomes.push(...(await this.#handlePart(part, progress)));
    return outcomes;
  }

  async #handlePart(part: readonly Message[], progress: () => void): Promise<DeliveryOutcome[]> {
    if (this.#closing) return part.map(() => ({ retryAfterMs }));
    const all = part.flatMap(({ events }) => events);
    const outcomes = await this.#handleEvents(all, () => this.#mayGoOn(progress));
    return part.map(({ events }) =>
      outcomeOfAll(events.map((event) => outcomes.get(event) ?? { retryAfterMs })),
    );
  }

  /** @throws GatewayError UNAVAILABLE once it closes. */
  #mayGoOn(progress: () => void): void {
    if (this.#closing) throw busClosed();
    progress();
  }

  async #handleEvents(
    batch: readonly Delivery[],
    goOn: () => void,
  ): Promise<Map<Delivery, DeliveryOutcome>> {
    const { work, events } = this.#options;
    const outcomes = new Map<Delivery, DeliveryOutcome>();
    const readable: ReadDelivery<Item>[] = [];
    for (const delivery of batch) {
      const item = work.read(delivery.payload);
      if (item === undefined) {
        outcomes.set(delivery, await this.#dropMalformed(delivery, goOn));
        continue;
      }
      const waitMs = work.waitMs(item, delivery.deliveryCount);
      if (waitMs === undefined) readable.push({ delivery, item });
      else outcomes.set(delivery, { retryAfterMs: waitMs });
    }
    const consumed = await consumeBatches(readable, {
      maxBatch: this.#batch.size,
      isLasting: work.isLasting,
      store: async (entries) => {
        goOn();
        await this.#confirm(await this.#store(entries));
      },
      giveUp: async (item, error) => {
        goOn();
        events.eventRefused(item, error);
        await this.#confirm(await work.pass(work.eventOf(item)));
      },
    });
    for (const [delivery, outcome] of consumed) outcomes.set(delivery, outcome);
    return outcomes;
  }

  async #store(entries: readonly ReadDelivery<Item>[]): Promise<readonly ConfirmedSequence[]> {
    const startedMs = systemClock.monotonicMs();
    try {
      return await this.#options.work.store(entries);
    } finally {
      this.#batch.note(entries.length, systemClock.monotonicMs() - startedMs);
    }
  }

  async #dropMalformed(delivery: Delivery, goOn: () => void): Promise<DeliveryOutcome> {
    const { work, events } = this.#options;
    const event = work.numberOf(delivery.payload);
    try {
      goOn();
      if (event !== undefined) await this.#confirm(await work.pass(event));
    } catch {
      return { retryAfterMs };
    }
    events.eventMalformed(delivery.id);
    return "reject";
  }

  /** What can't be told now is told with the next batch. */
  async #confirm(sequences: readonly ConfirmedSequence[]): Promise<void> {
    await this.#confirmed.write(sequences).catch(this.#options.events.confirmFailed);
  }
}

/** What is told of one event of a batch names its place in it. */
function eventsOf(delivery: Delivery): readonly Delivery[] {
  const payloads = eventsIn(delivery.payload);
  if (payloads.length === 1) return [delivery];
  return payloads.map((payload, index) => ({
    ...delivery,
    id: `${delivery.id}#${index + 1}`,
    payload,
  }));
}

/** A message comes again while one of its events has to, when the last of them may. */
function outcomeOfAll(outcomes: readonly DeliveryOutcome[]): DeliveryOutcome {
  let longestMs = -1;
  for (const outcome of outcomes) {
    if (typeof outcome === "object") longestMs = Math.max(longestMs, outcome.retryAfterMs);
  }
  if (longestMs >= 0) return { retryAfterMs: longestMs };
  return outcomes.includes("reject") ? "reject" : "ack";
}
