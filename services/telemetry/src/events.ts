import { RatingState } from "@penstock/api";
import { attributeNames, formatTraceparent, parseTraceparent } from "@penstock/observability";
import type { Observability, SpanContext } from "@penstock/observability";

import type { StoredBatch } from "./consumers/store-usage.ts";
import type { RatedUsage } from "./storage/record-store.ts";

/** A batch of usage events under way; exactly one of the two ends it. */
export interface BatchEvents {
  stored(batch: readonly RatedUsage[], result: StoredBatch): void;
  failed(error: unknown): void;
}

/** What can happen in the telemetry service, one function each. None of them throws. */
export interface TelemetryEvents {
  /** The traces of its requests, in which it may be found. */
  batchBegins(batch: readonly SpanContext[]): BatchEvents;
  eventMalformed(id: string): void;
  eventRefused(requestId: string, error: unknown): void;
  consumerProblem(error: unknown): void;
  confirmFailed(error: unknown): void;
  recordsDropped(count: number): void;
  sweepFailed(error: unknown): void;
}

const secondBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const ratingNames = new Map<number, string>([
  [RatingState.VERIFIED, "verified"],
  [RatingState.DIFFERENT, "different"],
  [RatingState.NOT_VERIFIED, "not_verified"],
  [RatingState.UNPRICED, "unpriced"],
]);

/** Makes the events of the service: counter, log line and span of each in one place. */
export function createTelemetryEvents(observability: Observability): TelemetryEvents {
  const logger = observability.logger.child({ role: "telemetry" });
  const instruments = createInstruments(observability);
  const warn = (message: string) => (error: unknown) => logger.warn(message, { error });
  return {
    batchBegins: (batch) => beginBatch(observability, instruments, batch),
    eventMalformed: (id) => {
      instruments.rejected.add(1, "malformed");
      logger.error("a message of the usage stream is no usage event; it is dropped", { id });
    },
    eventRefused: (requestId, error) => {
      instruments.rejected.add(1, "refused");
      logger.error("a usage event cannot be stored; it is dropped", {
        request_id: requestId,
        error,
      });
    },
    consumerProblem: warn("the usage stream cannot be consumed"),
    confirmFailed: warn("routers could not be told how far their events are stored"),
    recordsDropped: (count) => instruments.dropped.add(count),
    sweepFailed: warn("old usage records could not be dropped"),
  };
}

type Instruments = ReturnType<typeof createInstruments>;

function createInstruments({ metrics }: Observability) {
  const counter = metrics.counter.bind(metrics);
  return {
    batchSeconds: metrics.histogram(
      "penstock_telemetry_store_duration_seconds",
      "Duration of a transaction of usage events.",
      secondBounds,
    ),
    records: counter("penstock_telemetry_records_total", "Usage events by what became of them.", [
      "state",
    ]),
    ratings: counter("penstock_telemetry_ratings_total", "Records by how their rating compares.", [
      "rating",
    ]),
    renumbered: counter(
      "penstock_telemetry_sequence_clashes_total",
      "Usage events with the number of another request of their replica.",
    ),
    rejected: counter("penstock_telemetry_events_rejected_total", "Events not stored.", ["cause"]),
    missing: counter(
      "penstock_telemetry_events_missing_total",
      "Events that a database which was restored, or lost commits, will never get again.",
    ),
    failures: counter(
      "penstock_telemetry_store_failures_total",
      "Batches that will be tried again.",
    ),
    dropped: counter("penstock_telemetry_records_dropped_total", "Records dropped for their age."),
  };
}

function beginBatch(
  observability: Observability,
  instruments: Instruments,
  batch: readonly SpanContext[],
): BatchEvents {
  const { tracer, logger } = observability;
  const startedMs = performance.now();
  const span = tracer.startSpan("process usage.v1", {
    kind: "consumer",
    attributes: {
      [attributeNames.messagingOperationName]: "process",
      [attributeNames.messagingOperationType]: "process",
      [attributeNames.messagingDestinationTemplate]: "usage.v1.{replica}",
      [attributeNames.messagingConsumerGroupName]: "telemetry",
      [attributeNames.messagingBatchMessageCount]: batch.length,
    },
    links: batch.flatMap(sampledTrace),
  });
  const end = (): void => {
    instruments.batchSeconds.record((performance.now() - startedMs) / 1_000);
    span.end();
  };
  return {
    stored: (usages, result) => {
      tellStored(observability, instruments, usages, result);
      end();
    },
    failed: (error) => {
      instruments.failures.add(1);
      logger.warn("usage events could not be stored; they come again", { error });
      span.fail(String(error));
      end();
    },
  };
}

function tellStored(
  { logger }: Observability,
  instruments: Instruments,
  usages: readonly RatedUsage[],
  { inserted, renumbered, sequences }: StoredBatch,
): void {
  instruments.records.add(inserted.size, "stored");
  instruments.records.add(usages.length - inserted.size, "repeated");
  for (const { event, facts, rating } of usages) {
    if (!inserted.has(facts.requestId)) continue;
    instruments.ratings.add(1, ratingNames.get(rating.state) ?? "unknown");
    if (rating.state !== RatingState.DIFFERENT) continue;
    logger.error("a router rated a request differently; adjust the quotas it was charged to", {
      request_id: facts.requestId,
      charged: String(event.costNanoUsd ?? "no price"),
      rated: String(rating.costNanoUsd ?? "no price"),
      revision: String(event.priceBookRevision),
    });
  }
  for (const { replica, epoch, contiguous, missing } of sequences) {
    if (missing === 0n) continue;
    instruments.missing.add(Number(missing));
    logger.error("events were confirmed once and are gone, but their records are not stored", {
      replica,
      epoch: String(epoch),
      confirmed: String(contiguous),
      missing: String(missing),
    });
  }
  for (const requestId of renumbered) {
    instruments.renumbered.add(1);
    logger.error("a replica used the number of an event twice", { request_id: requestId });
  }
}

/** Ids come as texts from the bus: what is no trace is no link. */
function sampledTrace(trace: SpanContext): readonly SpanContext[] {
  const known = trace.sampled ? parseTraceparent(formatTraceparent(trace)) : undefined;
  return known === undefined ? [] : [known];
}
