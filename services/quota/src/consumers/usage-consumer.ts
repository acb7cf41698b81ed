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

import type { QuotaEvents } from "../events.ts";
import { resourceOfKey } from "../ledger/quota-rule.ts";
import type { QuotaConfiguration } from "../ledger/quota-rule.ts";
import type { LedgerDatabase } from "../storage/ledger-database.ts";
import { schemaName } from "../storage/schema.ts";
import { postUsage } from "./post-usage.ts";
import { positionOf, readUsage } from "./read-usage.ts";
import type { Usage } from "./read-usage.ts";

/**
 * Events in one transaction. The embedded database has one connection: lease syncs, which routers
 * wait 150 ms for, must come through between two batches.
 */
const maximumBatch = 200;
/** Eight full messages of a router; where it takes long there are fewer in a transaction. */
const largestBatch = 512;
const retryAfterMs = 1_000;
/** How often an event is tried that asks for a rule which has not arrived. */
const patientDeliveries = 30;

/** What the consumer works with. */
export interface UsageConsumerDependencies {
  readonly db: LedgerDatabase;
  readonly bus: {
    readonly usage: Pick<EventStream, "consume">;
    readonly confirmed: Pick<ConfigBucket, "put" | "get">;
  };
  readonly clock: Clock;
  readonly configuration: QuotaConfiguration;
  readonly events: QuotaEvents;
}

/** Posts usage events to the ledger. */
export class UsageConsumer extends EventConsumer<Usage> {
  constructor(dependencies: UsageConsumerDependencies) {
    const { bus, events } = dependencies;
    super({ stream: bus.usage, confirmed: bus.confirmed, events, work: workOf(dependencies) });
  }
}

function workOf(dependencies: UsageConsumerDependencies): EventWork<Usage> {
  return {
    consumer: "quota",
    maxBatch: maximumBatch,
    largestBatch,
    isLasting,
    read: readUsage,
    numberOf: positionOf,
    eventOf: (usage) => usage,
    waitMs: (usage, deliveryCount) =>
      isTooEarly(dependencies.configuration, usage, deliveryCount) ? retryAfterMs : undefined,
    store: (batch) => post(dependencies, batch),
    pass: (event) => pass(dependencies, event),
  };
}

/** Without a lease the period comes from the rule; it may be on its way still. */
function isTooEarly(
  configuration: QuotaConfiguration,
  usage: Usage,
  deliveryCount: number,
): boolean {
  const snapshot = configuration.current();
  if (snapshot !== undefined && snapshot.revision >= usage.revision) return false;
  if (snapshot !== undefined && deliveryCount > patientDeliveries) return false;
  return usage.charges.some(
    (charge) =>
      charge.leaseId === "" && snapshot?.quotas.has(resourceOfKey(charge.quota) ?? "") !== true,
  );
}

async function post(
  { db, clock, configuration, events }: UsageConsumerDependencies,
  entries: readonly ReadDelivery<Usage>[],
): Promise<readonly ConsumedSequence[]> {
  const usages = entries.map(({ item }) => item);
  const batch = events.batchBegins(usages);
  try {
    const posted = await inTransaction(db, (trx) =>
      postUsage(trx, usages, configuration, clock.wallMs()),
    );
    batch.posted(posted);
    for (const usage of usages) if (usage.malformedCharges > 0) events.chargesMalformed(usage);
    return posted.sequences;
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
