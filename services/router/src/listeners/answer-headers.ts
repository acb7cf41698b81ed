import type { RequestContext } from "../pipeline/request-context.ts";
import type { AnswerFacts } from "../pipeline/downstream.ts";
import { formatMoney } from "@penstock/pricing";

/** Headers of every answer, errors included, flat: name, value, name, value. */
export function requestHeaders(context: RequestContext): string[] {
  return ["x-request-id", context.requestId, "x-penstock-trace-id", context.trace.traceId];
}

/** Headers of an answer from a provider. */
export function answerHeaders(context: RequestContext, facts: AnswerFacts): string[] {
  return [
    "x-request-id",
    context.requestId,
    "x-penstock-trace-id",
    context.trace.traceId,
    "x-penstock-provider",
    facts.provider,
    "x-penstock-deployment",
    facts.deployment,
    "x-penstock-model",
    headerValue(facts.upstreamModel),
    "x-penstock-attempts",
    String(facts.attempt),
    "x-penstock-revision",
    String(context.snapshot?.revision ?? 0n),
  ];
}

/** The cost as callers read it; undefined when there is no price. */
export function costValue(costNanoUsd: bigint | undefined): string | undefined {
  return costNanoUsd === undefined ? undefined : formatMoney(costNanoUsd);
}

/** A provider's words as a header value: what a header can't carry becomes `?`. */
function headerValue(text: string): string {
  return plain.test(text) ? text : text.replace(/[^\x20-\x7e]/g, "?");
}

const plain = /^[\x20-\x7e]*$/;
