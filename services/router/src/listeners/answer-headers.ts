import { AttemptKind } from "@penstock/api";
import { headerRules } from "@penstock/formats";
import type { Format } from "@penstock/formats";
import type { RequestContext } from "../pipeline/request-context.ts";
import type { AnswerFacts } from "../pipeline/downstream.ts";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { formatMoney } from "@penstock/pricing";

/** Headers of every answer, errors included, flat: name, value, name, value. */
export function requestHeaders(context: RequestContext): string[] {
  return ["x-request-id", context.requestId, "x-penstock-trace-id", context.trace.traceId];
}

/** The id of a request where clients of the format look for it, flat; most look at `x-request-id`. */
export function requestIdHeader(format: Format, requestId: string): readonly string[] {
  const { requestId: name } = headerRules(format.name);
  return name === undefined ? none : [name, requestId];
}

const none: readonly string[] = [];

/** Headers of an answer from a provider. */
export function answerHeaders(context: RequestContext, facts: AnswerFacts): string[] {
  const headers = [
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
    String(attemptsMade(context, facts)),
    "x-penstock-revision",
    revisionText(context.snapshot?.revision ?? 0n),
  ];
  addRareHeaders(headers, context, facts);
  return headers;
}

let writtenRevision = 0n;
let writtenRevisionText = "0";

/** Nearly all requests of a time have the same one. */
export function revisionText(revision: bigint): string {
  if (revision !== writtenRevision) {
    writtenRevision = revision;
    writtenRevisionText = String(revision);
  }
  return writtenRevisionText;
}

/** The one that answers is not always the last: a hedge may have begun after it. */
function attemptsMade({ attempts }: RequestContext, { attempt }: AnswerFacts): number {
  let made = attempt;
  for (const { number } of attempts) if (number > made) made = number;
  return made;
}

/** What most answers have nothing of: another model, earlier attempts, warnings, quotas. */
function addRareHeaders(headers: string[], context: RequestContext, facts: AnswerFacts): void {
  const { quotaUses, request, warnings } = context;
  const fellBack = facts.model !== (request?.model ?? "");
  if (fellBack) headers.push("x-penstock-served-as", headerValue(facts.model));
  if (anyFailed(context)) headers.push("x-penstock-attempt-log", attemptLog(context));
  if (quotaUses.length > 0) headers.push("x-penstock-quotas", quotaNames(context));
  if (warnings.length > 0) headers.push("x-penstock-warnings", warningsValue(warnings));
}

function anyFailed({ attempts }: RequestContext): boolean {
  for (const { outcome } of attempts) if (outcome !== "OK") return true;
  return false;
}

/** Longest value of one of these headers: callers bound the size of a head. */
const longestValue = 1_000;

/**
 * Attempts that did not answer: `1 deployments/a RATE_LIMITED 429 12ms; …`; behind one that was made
 * beside another stands `hedge`.
 */
export function attemptLog({ attempts }: RequestContext): string {
  const log = attempts
    .filter(({ outcome }) => outcome !== "OK")
    .map(({ number, deployment, outcome, httpStatus, duration, kind }) => {
      const tookMs = duration === undefined ? 0 : Math.round(durationMs(duration));
      const status = httpStatus === 0 ? "-" : httpStatus;
      const beside = kind === AttemptKind.HEDGE ? " hedge" : "";
      return `${number} ${deployment} ${outcome} ${status} ${tookMs}ms${beside}`;
    });
  return log.join("; ").slice(0, longestValue);
}

/** Limits and budgets that held room for the request before it was sent. */
function quotaNames({ quotaUses, reservation }: RequestContext): string {
  let text = reservation === undefined ? "not held: " : "held: ";
  let separator = "";
  for (const { quota } of quotaUses) {
    text += separator + quota.name;
    separator = ", ";
  }
  return text.slice(0, longestValue);
}

/** Warnings as one header value. */
export function warningsValue(warnings: readonly string[]): string {
  return headerValue(warnings.join("; ").slice(0, longestValue));
}

/** The cost as callers read it; undefined when there is no price. */
export function costValue(costNanoUsd: bigint | undefined): string | undefined {
  return costNanoUsd === undefined ? undefined : formatMoney(costNanoUsd);
}

/** A provider's words as a header value: what a header can't carry becomes `?`. */
export function headerValue(text: string): string {
  return plain.test(text) ? text : text.replace(/[^\x20-\x7e]/g, "?");
}

const plain = /^[\x20-\x7e]*$/;
