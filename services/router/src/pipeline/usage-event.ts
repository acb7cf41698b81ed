import { RequestOutcome, UsageSource } from "@penstock/api";
import type {
  Attempt,
  Charge,
  Exclusion as ExclusionMessage,
  TokenUsage,
  UsageError,
  UsageEvent,
} from "@penstock/api";
import type { Exclusion, GatewayError } from "@penstock/errors";
import { timestampOf } from "../usage/timestamp-of.ts";
import { addUsage } from "./attempt-usage.ts";
import type { Outcome, RequestContext } from "./request-context.ts";
import { durationOf } from "./duration-of.ts";

/** Longest message and number of facts that an event carries of an error. */
const maximumMessageLength = 512;
const maximumFacts = 32;
const maximumExclusions = 16;

/** What is known of a request at the moment its event is built. */
export interface EventFacts {
  readonly replica: string;
  readonly epoch: bigint;
  /** 0n in an intent: a number is given when the event is final. */
  readonly sequence: bigint;
  readonly outcome: Outcome | "INTERRUPTED";
  readonly durationMs: number;
  readonly attempts: readonly Attempt[];
  readonly charges: Charge[];
  readonly error: GatewayError | undefined;
}

/** Settled request → event. No prompt, no completion, no secret. */
export function usageEvent(context: RequestContext, facts: EventFacts): UsageEvent {
  const { request, trace } = context;
  const event: UsageEvent = {
    $typeName: "penstock.event.v1.UsageEvent",
    requestId: context.requestId,
    replica: facts.replica,
    epoch: facts.epoch,
    sequence: facts.sequence,
    door: context.door,
    model: request?.model.slice(0, 256) ?? "",
    route: context.route?.name ?? "",
    stream: context.stream,
    outcome: RequestOutcome.UNSPECIFIED,
    startTime: timestampOf(context.startWallMs),
    attempts: facts.attempts as Attempt[],
    priceBookRevision: context.snapshot?.revision ?? 0n,
    charges: facts.charges,
    revision: context.snapshot?.revision ?? 0n,
    traceId: trace.traceId,
    spanId: trace.spanId,
    sampled: trace.sampled,
    labels: request?.labels ?? {},
    endUser: request?.endUser?.slice(0, 256) ?? "",
    session: context.session,
    idempotencyKey: request?.idempotencyKey?.slice(0, 128) ?? "",
    finishReasons: context.finishReasons,
    estimated: false,
    firstHeldSequence: 0n,
    countTokens: context.operation === "count_tokens",
  };
  if (context.principal !== undefined) event.principal = context.principal;
  return endedEvent(event, context, facts);
}

/** The event of the same request's intent, with what has come since. */
export function endedEvent(
  event: UsageEvent,
  context: RequestContext,
  facts: EventFacts,
): UsageEvent {
  const usage = totalUsage(facts.attempts);
  const cost = totalCost(facts.attempts);
  event.sequence = facts.sequence;
  event.outcome = RequestOutcome[facts.outcome];
  event.duration = durationOf(facts.durationMs);
  event.attempts = facts.attempts as Attempt[];
  event.charges = facts.charges;
  event.finishReasons = context.finishReasons;
  event.estimated = usage?.source === UsageSource.ESTIMATED;
  if (cost !== undefined) event.costNanoUsd = cost;
  else if (event.costNanoUsd !== undefined) delete event.costNanoUsd;
  if (context.firstTokenMs !== undefined) {
    event.firstTokenDelay = durationOf(context.firstTokenMs);
  }
  if (usage !== undefined) event.usage = usage;
  if (facts.error !== undefined) event.error = usageError(facts.error);
  return event;
}

/** Tokens over all attempts that used any. */
export function totalUsage(attempts: readonly Attempt[]): TokenUsage | undefined {
  let sum: TokenUsage | undefined;
  for (const { usage } of attempts) if (usage !== undefined) sum = addUsage(sum, usage);
  return sum;
}

/** Cost over all attempts; undefined when one that used tokens has no price. */
export function totalCost(attempts: readonly Attempt[]): bigint | undefined {
  let sum = 0n;
  for (const attempt of attempts) {
    if (attempt.usage === undefined) continue;
    if (attempt.costNanoUsd === undefined) return undefined;
    sum += attempt.costNanoUsd;
  }
  return sum;
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
