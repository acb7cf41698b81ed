import type { Bus, Consumption, Delivery, DeliveryOutcome } from "@penstock/bus";
import { inTransaction, sqlStateOf } from "@penstock/database";
import type { Clock } from "@penstock/runtime";

import type { QuotaEvents } from "../events.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { ConfirmedWriter, consumerName } from "./confirm-sequences.ts";
import { postUsage } from "./post-usage.ts";
import { readUsage } from "./read-usage.ts";
import type { Usage } from "./read-usage.ts";

/**
 * Events in one transaction. The embedded database has one connection: lease syncs, which routers
 * wait 150 ms for, must come through between two batches.
 */
export const maximumBatch = 200;
const maximumWaitMs = 5_000;
const retryAfterMs = 1_000;
/** How often an event is tried that asks for a rule which has not arrived, or that fails alone. */
const patientDeliveries = 30;

/** What the consumer works with. */
export interface UsageConsumerDependencies {
  readonly db: LedgerDatabase;
  readonly bus: Pick<Bus, "usage" | "confirmed">;
  readonly clock: Clock;
  readonly configuration: QuotaConfiguration;
  readonly events: QuotaEvents;
}

interface ReadDelivery {
  readonly delivery: Delivery;
  readonly usage: Usage;
}

/** Posts usage events to the ledger: batch → one transaction → confirmed sequences → ack. */
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
    const outcomes = new Map<Delivery, DeliveryOutcome>();
    const readable: ReadDelivery[] = [];
    for (const delivery of batch) {
      const usage = readUsage(delivery.payload);
      if (usage === undefined) {
        this.#dependencies.events.eventMalformed(delivery.id);
        outcomes.set(delivery, "reject");
      } else if (this.#isTooEarly(usage, delivery.deliveryCount)) {
        outcomes.set(delivery, { retryAfterMs });
      } else {
        if (usage.malformedCharges > 0) this.#dependencies.events.chargesMalformed(usage);
        readable.push({ delivery, usage });
      }
    }
    for (let at = 0; at < readable.length; at += maximumBatch) {
      await this.#post(readable.slice(at, at + maximumBatch), outcomes);
    }
    return batch.map((delivery) => outcomes.get(delivery) ?? { retryAfterMs });
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

  async #post(
    entries: readonly ReadDelivery[],
    outcomes: Map<Delivery, DeliveryOutcome>,
  ): Promise<void> {
    if (entries.length === 0) return;
    const { db, clock, configuration, events } = this.#dependencies;
    const usages = entries.map(({ usage }) => usage);
    const batch = events.batchBegins(entries.map(({ delivery }) => delivery));
    try {
      const posted = await inTransaction(db, (trx) =>
        postUsage(trx, usages, configuration, clock.wallMs()),
      );
      batch.posted(posted);
      for (const { delivery } of entries) outcomes.set(delivery, "ack");
      await this.#confirmed.write(posted.sequences).catch(events.confirmFailed);
    } catch (error) {
      batch.failed(error);
      await this.#afterFailure(entries, outcomes, error);
    }
  }

  /** One event that the ledger refuses must not hold up the others: they are tried one by one. */
  async #afterFailure(
    entries: readonly ReadDelivery[],
    outcomes: Map<Delivery, DeliveryOutcome>,
    error: unknown,
  ): Promise<void> {
    const refused = /^2[23]/.test(sqlStateOf(error) ?? "");
    const only = entries.length === 1 ? entries[0] : undefined;
    if (refused && only === undefined) {
      for (const entry of entries) await this.#post([entry], outcomes);
      return;
    }
    const hopeless = refused && (only?.delivery.deliveryCount ?? 0) > patientDeliveries;
    if (hopeless && only !== undefined) this.#dependencies.events.eventRefused(only.usage, error);
    for (const { delivery } of entries) {
      outcomes.set(delivery, hopeless ? "reject" : { retryAfterMs });
    }
  }
}
