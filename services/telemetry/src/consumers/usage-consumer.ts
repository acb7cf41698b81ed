import { ConfirmedWriter, consumeBatches } from "@penstock/bus";
import type { Bus, Consumption, Delivery, DeliveryOutcome, ReadDelivery } from "@penstock/bus";
import { inTransaction, isLasting, noteSequences } from "@penstock/database";
import type { ConsumedSequence, EventPosition } from "@penstock/database";
import type { Clock } from "@penstock/runtime";

import type { TelemetryEvents } from "../events.ts";
import type { PriceHistory } from "../rating/price-history.ts";
import { verifyRating } from "../rating/verify-rating.ts";
import type { RatedUsage } from "../storage/record-store.ts";
import type { RecordsDatabase } from "../storage/records-database.ts";
import { schemaName } from "../storage/schema.ts";
import type { Arrivals } from "./arrivals.ts";
import { storeUsage } from "./store-usage.ts";
import { positionOf, readUsage } from "./usage-facts.ts";

/** Names this consumer in the stream and in bucket `confirmed`. */
const consumerName = "telemetry";
/** Events in one transaction; with the embedded database everybody else waits for it. */
export const maximumBatch = 250;
const maximumWaitMs = 5_000;
const retryAfterMs = 1_000;
/** A revision that telemetry has not seen yet arrives within moments, or not at all. */
const pricesRetryAfterMs = 200;
const pricesDeliveries = 5;

/** What the consumer works with. */
export interface UsageConsumerDependencies {
  readonly db: RecordsDatabase;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly clock: Clock;
  readonly prices: Pick<PriceHistory, "find" | "revision">;
  readonly arrivals: Arrivals;
  readonly events: TelemetryEvents;
}

/** Stores usage events: batch → verified rating → one transaction → confirmed sequences → ack. */
export class UsageConsumer {
  readonly #dependencies: UsageConsumerDependencies;
  readonly #confirmed: ConfirmedWriter;
  #consumption: Consumption | undefined;

  constructor(dependencies: UsageConsumerDependencies) {
    this.#dependencies = dependencies;
    this.#confirmed = new ConfirmedWriter(dependencies.bus.confirmed, consumerName);
  }

  /** Starts to consume, or goes on where another replica of the service stopped. */
  async start(signal?: AbortSignal): Promise<void> {
    const { bus, events } = this.#dependencies;
    this.#consumption = await bus.usage.consume({
      consumer: consumerName,
      maxBatch: maximumBatch,
      maxWaitMs: maximumWaitMs,
      ...(signal === undefined ? {} : { signal }),
      handle: (batch) => this.handle(batch),
      onProblem: (error) => events.consumerProblem(error),
    });
  }

  /** Finishes the batch under way and takes no more. */
  async close(): Promise<void> {
    await this.#consumption?.close();
  }

  /** Handles one batch; never throws. */
  async handle(batch: readonly Delivery[]): Promise<DeliveryOutcome[]> {
    const { events, prices } = this.#dependencies;
    const outcomes = new Map<Delivery, DeliveryOutcome>();
    const readable: ReadDelivery<RatedUsage>[] = [];
    for (const delivery of batch) {
      const usage = readUsage(delivery.payload);
      if (usage === undefined) {
        outcomes.set(delivery, await this.#dropMalformed(delivery));
        continue;
      }
      const early = usage.event.priceBookRevision > prices.revision;
      if (early && usage.facts.attempts > 0 && delivery.deliveryCount <= pricesDeliveries) {
        outcomes.set(delivery, { retryAfterMs: pricesRetryAfterMs });
      } else readable.push({ delivery, item: { ...usage, rating: this.#verify(usage.event) } });
    }
    const consumed = await consumeBatches(readable, {
      maxBatch: maximumBatch,
      isLasting,
      store: (entries) => this.#store(entries),
      giveUp: async ({ facts }, error) => {
        events.eventRefused(facts.requestId, error);
        await this.#pass(facts);
      },
    });
    return batch.map(
      (delivery) => outcomes.get(delivery) ?? consumed.get(delivery) ?? { retryAfterMs },
    );
  }

  #verify(event: RatedUsage["event"]): RatedUsage["rating"] {
    return verifyRating(event, this.#dependencies.prices);
  }

  async #store(entries: readonly ReadDelivery<RatedUsage>[]): Promise<void> {
    const { db, clock, arrivals, events } = this.#dependencies;
    const usages = entries.map(({ item }) => item);
    const batch = events.batchBegins(entries.map(({ delivery }) => delivery));
    try {
      const stored = await inTransaction(db, (trx) => storeUsage(trx, usages, clock.wallMs()));
      arrivals.announce(stored.inserted);
      batch.stored(usages, stored);
      await this.#confirm(stored.sequences);
    } catch (error) {
      batch.failed(error);
      throw error;
    }
  }

  async #dropMalformed(delivery: Delivery): Promise<DeliveryOutcome> {
    const position = positionOf(delivery.payload);
    try {
      if (position !== undefined) await this.#pass(position);
    } catch {
      return { retryAfterMs };
    }
    this.#dependencies.events.eventMalformed(delivery.id);
    return "reject";
  }

  /** Its router would send an event that is never confirmed again and again. */
  async #pass({ replica, epoch, sequence }: EventPosition): Promise<void> {
    const { db, clock } = this.#dependencies;
    const position = { replica, epoch, sequence };
    const passed = await inTransaction(db, (trx) =>
      noteSequences(trx, schemaName, [position], clock.wallMs()),
    );
    await this.#confirm(passed);
  }

  async #confirm(sequences: readonly ConsumedSequence[]): Promise<void> {
    await this.#confirmed.write(sequences).catch(this.#dependencies.events.confirmFailed);
  }
}
