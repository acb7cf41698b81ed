import type { Bus, Consumption, Delivery, DeliveryOutcome } from "@penstock/bus";
import { inTransaction, sqlStateOf } from "@penstock/database";
import type { Clock } from "@penstock/runtime";

import type { TelemetryEvents } from "../events.ts";
import type { PriceHistory } from "../rating/price-history.ts";
import { verifyRating } from "../rating/verify-rating.ts";
import type { RatedUsage } from "../storage/record-store.ts";
import type { RecordsDatabase } from "../storage/records-database.ts";
import type { Arrivals } from "./arrivals.ts";
import { ConfirmedWriter, consumerName } from "./confirm-sequences.ts";
import { storeUsage } from "./store-usage.ts";
import { readUsage } from "./usage-facts.ts";

/** Events in one transaction; with the embedded database everybody else waits for it. */
export const maximumBatch = 250;
const maximumWaitMs = 5_000;
const retryAfterMs = 1_000;
/** A revision that telemetry has not seen yet arrives within moments, or not at all. */
const pricesRetryAfterMs = 200;
const pricesDeliveries = 5;
const patientDeliveries = 30;

/** What the consumer works with. */
export interface UsageConsumerDependencies {
  readonly db: RecordsDatabase;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly clock: Clock;
  readonly prices: Pick<PriceHistory, "find" | "revision">;
  readonly arrivals: Arrivals;
  readonly events: TelemetryEvents;
}

interface ReadDelivery {
  readonly delivery: Delivery;
  readonly usage: RatedUsage;
}

/** Stores usage events: batch → verified rating → one transaction → confirmed sequences → ack. */
export class UsageConsumer {
  readonly #dependencies: UsageConsumerDependencies;
  readonly #confirmed: ConfirmedWriter;
  #consumption: Consumption | undefined;

  constructor(dependencies: UsageConsumerDependencies) {
    this.#dependencies = dependencies;
    this.#confirmed = new ConfirmedWriter(dependencies.bus.confirmed);
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
    const readable: ReadDelivery[] = [];
    for (const delivery of batch) {
      const usage = readUsage(delivery.payload);
      if (usage === undefined) {
        events.eventMalformed(delivery.id);
        outcomes.set(delivery, "reject");
        continue;
      }
      const rating = verifyRating(usage.event, prices);
      const early = usage.event.priceBookRevision > prices.revision;
      if (early && usage.facts.attempts > 0 && delivery.deliveryCount <= pricesDeliveries) {
        outcomes.set(delivery, { retryAfterMs: pricesRetryAfterMs });
      } else readable.push({ delivery, usage: { ...usage, rating } });
    }
    for (let at = 0; at < readable.length; at += maximumBatch) {
      await this.#store(readable.slice(at, at + maximumBatch), outcomes);
    }
    return batch.map((delivery) => outcomes.get(delivery) ?? { retryAfterMs });
  }

  async #store(
    entries: readonly ReadDelivery[],
    outcomes: Map<Delivery, DeliveryOutcome>,
  ): Promise<void> {
    if (entries.length === 0) return;
    const { db, clock, arrivals, events } = this.#dependencies;
    const usages = entries.map(({ usage }) => usage);
    const batch = events.batchBegins(entries.map(({ delivery }) => delivery));
    try {
      const stored = await inTransaction(db, (trx) => storeUsage(trx, usages, clock.wallMs()));
      arrivals.announce(stored.inserted);
      batch.stored(usages, stored);
      for (const { delivery } of entries) outcomes.set(delivery, "ack");
      await this.#confirmed.write(stored.sequences).catch(events.confirmFailed);
    } catch (error) {
      batch.failed(error);
      await this.#afterFailure(entries, outcomes, error);
    }
  }

  /** One event that the database refuses must not hold up the others: they go one by one. */
  async #afterFailure(
    entries: readonly ReadDelivery[],
    outcomes: Map<Delivery, DeliveryOutcome>,
    error: unknown,
  ): Promise<void> {
    const refused = /^2[23]/.test(sqlStateOf(error) ?? "");
    const only = entries.length === 1 ? entries[0] : undefined;
    if (refused && only === undefined) {
      for (const entry of entries) await this.#store([entry], outcomes);
      return;
    }
    const hopeless = refused && (only?.delivery.deliveryCount ?? 0) > patientDeliveries;
    if (hopeless && only !== undefined) {
      this.#dependencies.events.eventRefused(only.usage.facts.requestId, error);
    }
    for (const { delivery } of entries) {
      outcomes.set(delivery, hopeless ? "reject" : { retryAfterMs });
    }
  }
}
