import { AttemptKind } from "@penstock/api";
import type { Attempt, TokenUsage } from "@penstock/api";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { durationOf } from "./duration-of.ts";

/** Why attempts are made, in reports and spans. */
export const attemptKindNames: Readonly<Record<AttemptKind, string>> = {
  [AttemptKind.UNSPECIFIED]: "unspecified",
  [AttemptKind.PRIMARY]: "primary",
  [AttemptKind.RETRY]: "retry",
  [AttemptKind.FALLBACK]: "fallback",
  [AttemptKind.HEDGE]: "hedge",
};

/** What is known of an attempt when it ended, beside the run itself. */
export interface AttemptEnd {
  readonly outcome: AttemptFailure["class"] | "OK";
  readonly failure: AttemptFailure | undefined;
  readonly usage: TokenUsage | undefined;
  readonly cost: bigint | undefined;
  /** Tier whose prices rated it; empty: not known. */
  readonly tier: string;
  /** From the start of the request to that of the attempt. */
  readonly offsetMs: number;
  readonly durationMs: number;
}

/** An attempt as usage events and spans carry it. */
export function attemptRecord(run: AttemptRun, end: AttemptEnd): Attempt {
  const { deployment } = run.target;
  const attempt: Attempt = {
    $typeName: "penstock.event.v1.Attempt",
    number: run.number,
    kind: run.kind,
    deployment: deployment.name,
    provider: deployment.provider.name,
    model: deployment.model,
    responseModel: run.responseModel.slice(0, 256),
    startOffset: durationOf(end.offsetMs),
    duration: durationOf(end.durationMs),
    outcome: end.outcome,
    httpStatus: run.httpStatus,
    providerRequestId: run.providerRequestId,
    providerCode: end.failure?.providerCode ?? "",
    committed: run.committed,
    spanId: run.spanId,
    priceBook: deployment.priceBook,
    failureCause: failureCause(end.failure),
    serviceTier: end.tier,
  };
  if (run.firstTokenMs !== undefined) attempt.firstTokenDelay = durationOf(run.firstTokenMs);
  if (end.usage !== undefined) attempt.usage = end.usage;
  if (end.cost !== undefined) attempt.costNanoUsd = end.cost;
  const retryAfterMs = end.failure?.retryAfterMs;
  if (retryAfterMs !== undefined) attempt.retryAfter = durationOf(retryAfterMs);
  return attempt;
}

/** What is known beyond the class, with the system's name of it. */
function failureCause(failure: AttemptFailure | undefined): string {
  if (failure?.cause === undefined) return failure?.transportCode ?? "";
  const { cause, transportCode } = failure;
  return transportCode === undefined ? cause : `${cause} ${transportCode}`;
}
