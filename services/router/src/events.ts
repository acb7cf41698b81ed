import { AttemptKind, CountEstimateReason } from "@penstock/api";
import type { Attempt, CountTokensResponse } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { Counter, Logger, MetricRegistry } from "@penstock/observability";
import type { BreakerEvent } from "./health/target-outcome.ts";
import type { FailureSample } from "./health/failure-samples.ts";
import type { QuotaRefused } from "./leases/reserve-outcome.ts";
import { countEstimateReasonName } from "./pipeline/count-answer.ts";
import type { RequestContext } from "./pipeline/request-context.ts";
import { operationName } from "./pipeline/request-spans.ts";
import { RareLine } from "./rare-line.ts";
import { RequestSeries } from "./request-series.ts";

/** What refuses every request for a while; the log needs to hear of it once a second. */
const refusalIntervalMs = 1_000;

/** The business events of the router: counter and log of each stand together. Never throws. */
export class RouterEvents {
  readonly #logger: Logger;
  readonly #requests: Counter;
  readonly #attempts: Counter;
  readonly #hedges: Counter;
  readonly #series: RequestSeries;
  readonly #unmetered: Counter;
  readonly #lost: Counter;
  readonly #unrecorded: Counter;
  readonly #quotaUnavailable: Counter;
  readonly #unmapped: Counter;
  readonly #counts: Counter;
  readonly #quotaLine = new RareLine(refusalIntervalMs);
  readonly #targetLine = new RareLine(refusalIntervalMs);

  constructor(logger: Logger, metrics: MetricRegistry) {
    this.#logger = logger;
    this.#requests = metrics.counter(
      "penstock_requests_total",
      "Requests that ended, by operation, outcome and reason.",
      ["operation", "outcome", "reason"],
    );
    this.#attempts = metrics.counter(
      "penstock_attempts_total",
      "Attempts that ended, by deployment and outcome.",
      ["deployment", "outcome"],
    );
    this.#hedges = metrics.counter(
      "penstock_hedges_total",
      "Second attempts beside a slow one, by deployment and outcome: OK where they were faster.",
      ["deployment", "outcome"],
    );
    this.#series = new RequestSeries(metrics, this.#requests, this.#attempts);
    this.#unmetered = metrics.counter(
      "penstock_unmetered_requests_total",
      "Requests served although their usage could not be recorded.",
    );
    this.#lost = metrics.counter(
      "penstock_usage_records_lost_total",
      "Usage records that could not be written, so that only the intent tells of the request.",
    );
    this.#unrecorded = metrics.counter(
      "penstock_unrecorded_requests_total",
      "Requests that ended without a usage record, by what there were too many of or no room for.",
      ["cause"],
    );
    this.#quotaUnavailable = metrics.counter(
      "penstock_quota_unavailable_total",
      "Reservations refused because quota did not say whether there is room, by its state.",
      ["state"],
    );
    this.#unmapped = metrics.counter(
      "penstock_unmapped_failures_total",
      "Errors of providers that no failure table knows, by kind of provider and HTTP status.",
      ["kind", "status"],
    );
    this.#counts = metrics.counter(
      "penstock_token_counts_total",
      "Counts of tokens that callers asked for: by a provider, or why they are estimates.",
      ["deployment", "source"],
    );
  }

  /** A caller gets a count of tokens, or an estimate. */
  tokensCounted({ deployment, estimateReason }: CountTokensResponse): void {
    const reported = estimateReason === CountEstimateReason.UNSPECIFIED;
    const source = reported ? "reported" : countEstimateReasonName(estimateReason);
    this.#counts.add(1, deployment, source);
  }

  /** A request was settled. */
  requestEnded(context: RequestContext, durationMs: number): void {
    const operation = operationName(context);
    const reason = context.error?.reason ?? "";
    const series = this.#series.ofOperation(operation);
    if (context.outcome === "COMPLETED" && reason === "") series.completed.add(1);
    else this.#requests.add(1, operation, context.outcome ?? "", reason);
    series.duration.record(durationMs / 1_000);
    if (context.firstTokenMs !== undefined) series.firstToken.record(context.firstTokenMs / 1_000);
    for (const attempt of context.attempts) this.#attemptEnded(attempt);
    if (context.outcome === "FAILED") {
      this.#logger.warn("a request failed", {
        request_id: context.requestId,
        trace_id: context.trace.traceId,
        reason,
        attempts: context.attempts.map(({ deployment, outcome }) => `${deployment} ${outcome}`),
      });
    }
  }

  #attemptEnded({ deployment, outcome, kind, usage, costNanoUsd }: Attempt): void {
    const series = this.#series.ofDeployment(deployment);
    if (outcome === "OK") series.answered.add(1);
    else this.#attempts.add(1, deployment, outcome);
    if (kind === AttemptKind.HEDGE) this.#hedges.add(1, deployment, outcome);
    if (usage === undefined) return;
    series.inputTokens.add(Number(usage.inputTokens ?? 0n));
    series.outputTokens.add(Number(usage.outputTokens ?? 0n));
    series.costNanoUsd.add(Number(costNanoUsd ?? 0n));
  }

  /** A quota refused a request, or one of its targets. Told of only where quota did not decide. */
  quotaRefused(requestId: string, { use, cause, silence }: QuotaRefused, nowMs: number): void {
    if (cause !== "unavailable") return;
    const state = silence?.state ?? "other";
    this.#quotaUnavailable.add(1, state);
    const refused = this.#quotaLine.due(nowMs);
    if (refused === 0) return;
    const waitedMs = silence?.state === "late" ? silence.waitedMs : undefined;
    const details = { request_id: requestId, quota: use.quota.name, state, waitedMs, refused };
    this.#logger.warn("refused, as quota did not say whether there is room", details);
  }

  /** A target's breaker opened or closed. */
  breaker(event: BreakerEvent): void {
    if (event.state === "closed") {
      this.#logger.info("the breaker of a target closed", { target: event.deployment });
      return;
    }
    const { deployment: target, class: outcome, retryInMs, openings } = event;
    const details = { target, class: outcome, retryInMs, openings };
    this.#logger.warn("the breaker of a target opened", details);
  }

  /** A request found no target that may be asked now, for reasons that its error tells. */
  noTarget(
    requestId: string,
    { reason, message, retryAfterMs }: GatewayError,
    nowMs: number,
  ): void {
    if (reason !== "NO_HEALTHY_TARGET") return;
    const requests = this.#targetLine.due(nowMs);
    if (requests === 0) return;
    const details = { request_id: requestId, reason, why: message, retryAfterMs, requests };
    this.#logger.warn("a request found no target that may be asked now", details);
  }

  /** A provider gave an error that no table knows; logged when its kind is new. */
  unmappedFailure(sample: FailureSample, isNew: boolean): void {
    const { providerKind: kind, httpStatus, providerCode, providerType, message } = sample;
    this.#unmapped.add(1, kind, String(httpStatus));
    if (!isNew) return;
    const { deployment, class: takenFor } = sample;
    const said = { httpStatus, providerCode, providerType, message };
    const text = "a provider gave an error that no failure table knows";
    this.#logger.info(text, { deployment, kind, takenFor, ...said });
  }

  /** A request is served although its intent could not be written. */
  unmetered(): void {
    this.#unmetered.add(1);
  }

  /** A request ends without a record: there were many without a key, or the spool is full. */
  unrecorded(cause: "unauthenticated" | "spool"): void {
    this.#unrecorded.add(1, cause);
  }

  /** The final record of a request could not be written. */
  recordLost(requestId: string, error: GatewayError): void {
    this.#lost.add(1);
    this.#logger.error("a usage record could not be written", { request_id: requestId, error });
  }

  /** A stage threw what it should not have. */
  bug(requestId: string, error: unknown): void {
    this.#logger.error("a request failed by a mistake in Penstock", {
      request_id: requestId,
      error,
    });
  }
}
