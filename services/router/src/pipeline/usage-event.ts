import { RequestOutcome, UsageSource } from "@penstock/api";
import type {
  Attempt,
  Charge,
  Exclusion as ExclusionMessage,
  TokenUsage,
  UsageError,
} from "@penstock/api";
import type { Exclusion, GatewayError } from "@penstock/errors";
import { timestampOf } from "../usage/timestamp-of.ts";
import type { EventHead, EventTail } from "../usage/usage-event-encoder.ts";
import { addUsage } from "./attempt-usage.ts";
import type { Outcome, RequestContext } from "./request-context.ts";
import { durationOf } from "./duration-of.ts";

/** Longest message and number of facts that an event carries of an error. */
const maximumMessageLength = 512;
const maximumFacts = 32;
const maximumExclusions = 16;

/** What is known of a request at the moment its event is built. */
export interface EventFacts {
  /** 0n in an intent: a number is given when the event is final. */
  readonly sequence: bigint;
  readonly outcome: Outcome | "INTERRUPTED";
  readonly durationMs: number;
  readonly attempts: readonly Attempt[];
  readonly charges: readonly Charge[];
  readonly error: GatewayError | undefined;
}

/** What all events of a request say of it. No prompt, no completion, no secret. */
export function eventHead(context: RequestContext, replica: string, epoch: bigint): EventHead {
  const { request, trace } = context;
  const revision = context.snapshot?.revision ?? 0n;
  return {
    requestId: context.requestId,
    replica,
    epoch,
    principal: context.principal,
    door: context.door,
    model: request?.model.slice(0, 256) ?? "",
    route: context.route?.name ?? "",
    stream: context.stream,
    startTime: timestampOf(context.startWallMs),
    priceBookRevision: revision,
    revision,
    traceId: trace.traceId,
    spanId: trace.spanId,
    sampled: trace.sampled,
    labels: request?.labels ?? {},
    endUser: request?.endUser?.slice(0, 256) ?? "",
    session: context.session,
    idempotencyKey: request?.idempotencyKey?.slice(0, 128) ?? "",
    countTokens: context.operation === "count_tokens",
  };
}

/** What an event says besides: how far the request is, or how it ended. */
export function eventTail(context: RequestContext, facts: EventFacts): EventTail {
  const { attempts, error } = facts;
  const { firstTokenMs } = context;
  const usage = totalUsage(attempts);
  return {
    sequence: facts.sequence,
    outcome: RequestOutcome[facts.outcome],
    error: error && usageError(error),
    duration: durationOf(facts.durationMs),
    firstTokenDelay: firstTokenMs === undefined ? undefined : durationOf(firstTokenMs),
    attempts,
    usage,
    costNanoUsd: totalCost(attempts),
    charges: facts.charges,
    finishReasons: context.finishReasons,
    estimated: usage?.source === UsageSource.ESTIMATED,
    firstHeldSequence: 0n,
  };
}

/** Tokens over all attempts that used any. */
export function totalUsage(attempts: readonly Attempt[]): TokenUsage | undefined {
  let sum: TokenUsage | undefined;
  for (const { usage } of attempts) if (usage !== undefined) sum = addUsage(sum, usage);
  return sum;
}

/** Cost over all attempts; undefined when one that used tokens has no price. */
export function totalCost(attempts: readonly Attempt[]): bigint | undefined {
  let sum: bigint | undefined;
  for (const { usage, costNanoUsd } of attempts) {
    if (usage === undefined) continue;
    if (costNanoUsd === undefined) return undefined;
    sum = sum === undefined ? costNanoUsd : sum + costNanoUsd;
  }
  return sum ?? 0n;
}

function usageError(error: GatewayError): UsageError {
  return {
    $typeName: "penstock.event.v1.UsageError",
    reason: error.reason,
    message: error.message.slice(0, maximumMessageLength),
    source: error.source,
    metadata: Object.fromEntries(Object.entries(error.metadata).slice(0, maximumFacts)),
    excludedBy: error.exclusions.slice(0, maximumExclusions).map(exclusionMessage),
  };
}

/** Records are for administrators. */
function exclusionMessage(exclusion: Exclusion): ExclusionMessage {
  const { deployment, rule, reason, detail = reason, untilTimeMs } = exclusion;
  const message: ExclusionMessage = {
    $typeName: "penstock.error.v1.Exclusion",
    deployment,
    rule,
    reason: detail.slice(0, maximumMessageLength),
  };
  if (untilTimeMs !== undefined) message.untilTime = timestampOf(Math.ceil(untilTimeMs));
  return message;
}
