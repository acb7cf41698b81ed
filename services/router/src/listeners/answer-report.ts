import { durationMs } from "@bufbuild/protobuf/wkt";
import type { AttemptReport, QuotaReport } from "@penstock/api";
import type { JsonObject } from "@penstock/formats";
import type { AnswerFacts, SettledFacts } from "../pipeline/downstream.ts";
import { attemptKindNames } from "../pipeline/attempt-record.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { costValue } from "./answer-headers.ts";

/** The attempts of a request as its caller may know them. */
export function attemptReports({ attempts }: RequestContext): AttemptReport[] {
  return attempts.map((attempt) => ({
    $typeName: "penstock.inference.v1.AttemptReport",
    number: attempt.number,
    deployment: attempt.deployment,
    provider: attempt.provider,
    outcome: attempt.outcome,
    httpStatus: attempt.httpStatus,
    providerCode: attempt.providerCode,
    durationMs: BigInt(
      attempt.duration === undefined ? 0 : Math.round(durationMs(attempt.duration)),
    ),
    kind: attemptKindNames[attempt.kind] ?? "",
  }));
}

/** What a request was counted on. */
export function quotaReports({ charges }: RequestContext): QuotaReport[] {
  return charges.map(({ quota, settled, unleased }) => ({
    $typeName: "penstock.inference.v1.QuotaReport",
    // The key of an instance names the end user behind its resource name.
    quota: quota.split("|", 1)[0] ?? quota,
    settled,
    unleased,
  }));
}

/** How an answer came about, for callers of a JSON dialect who asked for it. */
export function answerReport(
  context: RequestContext,
  facts: AnswerFacts,
  settled: SettledFacts,
): JsonObject {
  const { usage, costNanoUsd } = settled;
  return {
    request_id: context.requestId,
    model: facts.upstreamModel,
    served_as: facts.model,
    provider: facts.provider,
    deployment: facts.deployment,
    revision: String(context.snapshot?.revision ?? 0n),
    cost_usd: costValue(costNanoUsd) ?? null,
    cached_tokens: Number(usage.cacheReadInputTokens ?? 0n),
    attempts: attemptReports(context).map((attempt) => ({
      number: attempt.number,
      deployment: attempt.deployment,
      provider: attempt.provider,
      outcome: attempt.outcome,
      http_status: attempt.httpStatus,
      provider_code: attempt.providerCode,
      duration_ms: Number(attempt.durationMs),
      kind: attempt.kind,
    })),
    quotas: quotaReports(context).map(({ quota, settled: taken, unleased }) => ({
      quota,
      settled: String(taken),
      unleased,
    })),
    warnings: [...context.warnings],
  };
}
