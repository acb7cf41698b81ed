import { attributeNames, formatTraceparent, parseTraceparent } from "@penstock/observability";
import type { Observability, SpanContext } from "@penstock/observability";

import type { PostedUsage } from "./consumers/post-usage.ts";

/** A batch of usage events under way; exactly one of the two ends it. */
export interface BatchEvents {
  posted(result: PostedUsage): void;
  failed(error: unknown): void;
}

/** What can happen in the quota service, one function each. None of them throws. */
export interface QuotaEvents {
  syncsAnswered(durationMs: number, calls: number): void;
  /** The traces of its requests, in which it may be found. */
  batchBegins(batch: readonly SpanContext[]): BatchEvents;
  eventMalformed(id: string): void;
  eventRefused(usage: { readonly requestId: string }, error: unknown): void;
  chargesMalformed(usage: { readonly requestId: string; readonly malformedCharges: number }): void;
  consumerProblem(error: unknown): void;
  confirmFailed(error: unknown): void;
  leasesEnded(expired: number, finished: number): void;
  sweepFailed(error: unknown): void;
  adjusted(quota: string, amount: bigint, by: string, reason: string): void;
}

const secondBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** Makes the events of the service: counter, log line and span of each in one place. */
export function createQuotaEvents(observability: Observability): QuotaEvents {
  const logger = observability.logger.child({ role: "quota" });
  const instruments = createInstruments(observability);
  const warn = (message: string) => (error: unknown) => logger.warn(message, { error });
  return {
    syncsAnswered: (durationMs, calls) => {
      instruments.syncSeconds.record(durationMs / 1_000);
      instruments.syncs.add(calls);
    },
    batchBegins: (batch) => beginBatch(observability, instruments, batch),
    eventMalformed: (id) => {
      instruments.rejected.add(1, "malformed");
      logger.error("a message of the usage stream is no usage event; it is dropped", { id });
    },
    eventRefused: ({ requestId }, error) => {
      instruments.rejected.add(1, "refused");
      logger.error("a usage event cannot be posted; it is dropped", {
        request_id: requestId,
        error,
      });
    },
    chargesMalformed: ({ requestId, malformedCharges }) => {
      instruments.rejected.add(1, "charge");
      const message = "a usage event has charges without a quota key; they are dropped";
      logger.error(message, { request_id: requestId, malformedCharges });
    },
    consumerProblem: warn("the usage stream cannot be consumed"),
    confirmFailed: warn("routers could not be told how far their events are posted"),
    leasesEnded: (expired, finished) => {
      instruments.leasesEnded.add(expired, "expired");
      instruments.leasesEnded.add(finished, "finished");
    },
    sweepFailed: warn("the ledger could not be swept"),
    adjusted: (quota, amount, by, reason) => {
      instruments.adjustments.add(1);
      logger.info("a quota was adjusted", { quota, amount: String(amount), by, reason });
    },
  };
}

type Instruments = ReturnType<typeof createInstruments>;

function createInstruments({ metrics }: Observability) {
  const counter = metrics.counter.bind(metrics);
  return {
    syncs: counter("penstock_quota_syncs_total", "Lease syncs answered."),
    syncSeconds: metrics.histogram(
      "penstock_quota_sync_duration_seconds",
      "Duration of a transaction of lease syncs.",
      secondBounds,
    ),
    batchSeconds: metrics.histogram(
      "penstock_quota_post_duration_seconds",
      "Duration of a transaction of usage events.",
      secondBounds,
    ),
    charges: counter("penstock_quota_charges_total", "Charges by what became of them.", ["state"]),
    overshoots: counter(
      "penstock_quota_overshoots_total",
      "Batches that charged something although it was over the limit.",
    ),
    rejected: counter("penstock_quota_events_rejected_total", "Events not posted.", ["cause"]),
    missing: counter(
      "penstock_quota_events_missing_total",
      "Events that a database which was restored, or lost commits, will never get again.",
    ),
    failures: counter("penstock_quota_post_failures_total", "Batches that will be tried again."),
    leasesEnded: counter("penstock_quota_leases_ended_total", "Leases ended by time.", ["state"]),
    adjustments: counter("penstock_quota_adjustments_total", "Adjustments by operators."),
  };
}

function beginBatch(
  { tracer, logger }: Observability,
  instruments: Instruments,
  batch: readonly SpanContext[],
): BatchEvents {
  const startedMs = performance.now();
  const span = tracer.startSpan("process usage.v1", {
    kind: "consumer",
    attributes: {
      [attributeNames.messagingOperationName]: "process",
      [attributeNames.messagingOperationType]: "process",
      [attributeNames.messagingDestinationTemplate]: "usage.v1.{replica}",
      [attributeNames.messagingConsumerGroupName]: "quota",
      [attributeNames.messagingBatchMessageCount]: batch.length,
    },
    links: batch.flatMap(sampledTrace),
  });
  const end = (): void => {
    instruments.batchSeconds.record((performance.now() - startedMs) / 1_000);
    span.end();
  };
  return {
    posted: ({ charges, repeated, overshoot, sequences }) => {
      instruments.charges.add(charges, "posted");
      instruments.charges.add(repeated, "repeated");
      if (overshoot > 0n) instruments.overshoots.add(1);
      for (const { replica, epoch, contiguous, missing } of sequences) {
        if (missing === 0n) continue;
        instruments.missing.add(Number(missing));
        logger.error("events were confirmed once and are gone, but the ledger lacks them", {
          replica,
          epoch: String(epoch),
          confirmed: String(contiguous),
          missing: String(missing),
        });
      }
      end();
    },
    failed: (error) => {
      instruments.failures.add(1);
      logger.warn("usage events could not be posted; they come again", { error });
      span.fail(String(error));
      end();
    },
  };
}

/** Ids come as texts from the bus: what is no trace is no link. */
function sampledTrace(trace: SpanContext): readonly SpanContext[] {
  const known = trace.sampled ? parseTraceparent(formatTraceparent(trace)) : undefined;
  return known === undefined ? [] : [known];
}
