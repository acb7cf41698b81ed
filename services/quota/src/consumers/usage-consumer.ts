import { ConfirmedWriter, consumeBatches } from "@penstock/bus";
import type { Bus, Consumption, Delivery, DeliveryOutcome, ReadDelivery } from "@penstock/bus";
import { inTransaction, isLasting, noteSequences } from "@penstock/database";
import type { ConsumedSequence, EventPosition } from "@penstock/database";
import type { Clock } from "@penstock/runtime";

import type { QuotaEvents } from "../events.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { schemaName } from "../storage/schema.ts";
import { postUsage } from "./post-usage.ts";
import { positionOf, readUsage } from "./read-usage.ts";
import type { Usage } from "./read-usage.ts";

/** Names this consumer in the stream and in bucket `confirmed`. */
const consumerName = "quota";
/**
 * Events in one transaction. The embedded database has one connection: lease syncs, which routers
 * wait 150 ms for, must come through between two batches.
 */
export const maximumBatch = 200;
const maximumWaitMs = 5_000;
const retryAfterMs = 1_000;
/** How often an event is tried that asks for a rule which has not arrived. */
const patientDeliveries = 30;

/** What the consumer works with. */
export interface UsageConsumerDependencies {
  readonly db: LedgerDatabase;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly clock: Clock;
  readonly configuration: QuotaConfiguration;
  readonly events: QuotaEvents;
}

/** Posts usage events to the ledger: batch → one transaction → confirmed sequences → ack. */
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
    const { events } = this.#dependencies;
    const outcomes = new Map<Delivery, DeliveryOutcome>();
    const readable: ReadDelivery<Usage>[] = [];
    for (const delivery of batch) {
      const usage = readUsage(delivery.payload);
      if (usage === undefined) {
        outcomes.set(delivery, await this.#dropMalformed(delivery));
      } else if (this.#isTooEarly(usage, delivery.deliveryCount)) {
        outcomes.set(delivery, { retryAfterMs });
      } else {
        if (usage.malformedCharges > 0) events.chargesMalformed(usage);
        readable.push({ delivery, item: usage });
      }
    }
    const consumed = await consumeBatches(readable, {
      maxBatch: maximumBatch,
      isLasting,
      store: (entries) => this.#post(entries),
      giveUp: async (usage, error) => {
        events.eventRefused(usage, error);
        await this.#pass(usage);
      },
    });
    return batch.map(
      (delivery) => outcomes.get(delivery) ?? consumed.get(delivery) ?? { retryAfterMs },
    );
  }

  /** Without a lease the period comes from the rule; it may be on its way still. */
  #isTooEarly(usage: Usage, deliveryCount: number): boolean {
    const snapshot = this.#dependencies.configuration.current();
    if (snapshot !== undefined && snapshot.revision >= usage.revision) return false;
    if (snapshot !== undefined && deliveryCount > patientDeliveries) return false;
    return usage.charges.some(
      (charge) =>
        charge.leaseId === "" && snapshot?.quotas.has(resourceOfKey(charge.quota) ?? "") !== true,
    );
  }

  async #post(entries: readonly ReadDelivery<Usage>[]): Promise<void> {
    const { db, clock, configuration, events } = this.#dependencies;
    const usages = entries.map(({ item }) => item);
    const batch = events.batchBegins(entries.map(({ delivery }) => delivery));
    try {
      const posted = await inTransaction(db, (trx) =>
        postUsage(trx, usages, configuration, clock.wallMs()),
      );
      batch.posted(posted);
      await this.#confirm(posted.sequences);
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
