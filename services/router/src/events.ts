import { AttemptKind, CountEstimateReason } from "@penstock/api";
import type { Attempt, CountTokensResponse } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { Counter, Logger, MetricRegistry } from "@penstock/observability";
import type { FailureSample } from "./health/failure-samples.ts";
import type { QuotaRefused } from "./leases/reserve-outcome.ts";
import { countEstimateReasonName } from "./pipeline/count-answer.ts";
import type { RequestContext } from "./pipeline/request-context.ts";
import { operationName } from "./pipeline/request-spans.ts";
import { RequestSeries } from "./request-series.ts";

/** A quota that is away refuses every request; the log needs to hear of it once a second. */
const quotaLogIntervalMs = 1_000;

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
  #quotaLoggedAt = -Infinity;
  #quotaUnlogged = 0;

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
        requestId: context.requestId,
        traceId: context.trace.traceId,
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
    this.#quotaUnlogged += 1;
    if (nowMs - this.#quotaLoggedAt < quotaLogIntervalMs) return;
    const refused = this.#quotaUnlogged;
    this.#quotaLoggedAt = nowMs;
    this.#quotaUnlogged = 0;
    const waitedMs = silence?.state === "late" ? silence.waitedMs : undefined;
    const details = { requestId, quota: use.quota.name, state, waitedMs, refused };
    this.#logger.warn("refused, as quota did not say whether there is room", details);
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
    this.#logger.error("a usage record could not be written", { requestId, error });
  }

  /** A stage threw what it should not have. */
  bug(requestId: string, error: unknown): void {
    this.#logger.error("a request failed by a mistake in Penstock", { requestId, error });
  }
}
