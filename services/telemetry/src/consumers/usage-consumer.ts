import { EventConsumer } from "@penstock/bus";
import type {
  ConfigBucket,
  EventStream,
  EventWork,
  NumberedEvent,
  ReadDelivery,
} from "@penstock/bus";
import { inTransaction, isLasting, noteSequences } from "@penstock/database";
import type { ConsumedSequence } from "@penstock/database";
import type { Clock } from "@penstock/runtime";

import type { TelemetryEvents } from "../events.ts";
import type { PriceHistory } from "../rating/price-history.ts";
import { verifyRating } from "../rating/verify-rating.ts";
import type { RecordsDatabase } from "../storage/records-database.ts";
import { schemaName } from "../storage/schema.ts";
import type { Arrivals } from "./arrivals.ts";
import { storeUsage } from "./store-usage.ts";
import { positionOf, readUsage } from "./usage-facts.ts";
import type { ReadUsage } from "./usage-facts.ts";

/** Events in one transaction; with the embedded database everybody else waits for it. */
const maximumBatch = 250;
/** Eight full messages of a router; where it takes long there are fewer in a transaction. */
const largestBatch = 512;
/** A revision that telemetry has not seen yet arrives within moments, or not at all. */
const pricesRetryAfterMs = 200;
const pricesDeliveries = 5;

/** What the consumer works with. */
export interface UsageConsumerDependencies {
  readonly db: RecordsDatabase;
  readonly bus: {
    readonly usage: Pick<EventStream, "consume">;
    readonly confirmed: Pick<ConfigBucket, "put" | "get">;
  };
  readonly clock: Clock;
  readonly prices: Pick<PriceHistory, "find" | "revision">;
  readonly arrivals: Arrivals;
  readonly events: TelemetryEvents;
}

/** Stores usage events, each with its verified rating. */
export class UsageConsumer extends EventConsumer<ReadUsage> {
  constructor(dependencies: UsageConsumerDependencies) {
    const { bus, events } = dependencies;
    super({
      stream: bus.usage,
      confirmed: bus.confirmed,
      work: workOf(dependencies),
      events: {
        ...events,
        eventRefused: ({ facts }, error) => events.eventRefused(facts.requestId, error),
      },
    });
  }
}

function workOf(dependencies: UsageConsumerDependencies): EventWork<ReadUsage> {
  const { prices } = dependencies;
  return {
    consumer: "telemetry",
    maxBatch: maximumBatch,
    largestBatch,
    isLasting,
    read: readUsage,
    numberOf: positionOf,
    eventOf: ({ facts }) => facts,
    waitMs: ({ event, facts }, deliveryCount) => {
      const isEarly = event.priceBookRevision > prices.revision && facts.attempts > 0;
      return isEarly && deliveryCount <= pricesDeliveries ? pricesRetryAfterMs : undefined;
    },
    store: (batch) => store(dependencies, batch),
    pass: (event) => pass(dependencies, event),
  };
}

async function store(
  { db, clock, prices, arrivals, events }: UsageConsumerDependencies,
  entries: readonly ReadDelivery<ReadUsage>[],
): Promise<readonly ConsumedSequence[]> {
  const usages = entries.map(({ item }) => ({ ...item, rating: verifyRating(item.event, prices) }));
  const batch = events.batchBegins(usages.map(({ event }) => event));
  try {
    const stored = await inTransaction(db, (trx) => storeUsage(trx, usages, clock.wallMs()));
    arrivals.announce(stored.inserted);
    batch.stored(usages, stored);
    return stored.sequences;
  } catch (error) {
    batch.failed(error);
    throw error;
  }
}

function pass(
  { db, clock }: UsageConsumerDependencies,
  { replica, epoch, sequence }: NumberedEvent,
): Promise<ConsumedSequence[]> {
  const position = { replica, epoch, sequence };
  return inTransaction(db, (trx) => noteSequences(trx, schemaName, [position], clock.wallMs()));
}
