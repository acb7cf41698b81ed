import type { IncomingMessage, ServerResponse } from "node:http";
import { FinishReason, UsageSource } from "@penstock/api";
import type { CandidateFinish, TokenUsage } from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, CallerRequest, CountingFormat } from "@penstock/formats";
import type { Clock } from "@penstock/runtime";
import type { SimulatedCall } from "../call-log.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { CacheUse } from "../prompt-cache.ts";
import type { RateLimit } from "../rate-limits.ts";
import type { Reply } from "../reply.ts";
import type { Scenario } from "../scenario.ts";
import { tierHeaders, toldTier } from "./served-tier.ts";

/** One call, ready to be answered. */
export interface Call {
  readonly endpoint: Endpoint;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly asked: CallerRequest;
  /** The body as it came. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly scenario: Scenario;
  /** The format in which tokens are counted; undefined: an answer is asked for. */
  readonly counting: CountingFormat | undefined;
  /** One for each candidate; none where tokens are counted. */
  readonly replies: readonly Reply[];
  readonly entry: SimulatedCall;
  readonly inputTokens: number;
  /** Undefined where nothing of the prompt could be kept. */
  readonly cache: CacheUse | undefined;
  /** Limits of the model, as this call left them. */
  readonly limits: readonly RateLimit[];
  /** Wait until one of them has room; undefined: they have. Unit: milliseconds. */
  readonly limitWaitMs: number | undefined;
  readonly firstTokenMs: number;
  readonly tokenIntervalMs: number;
  readonly clock: Clock;
}

/** Notes in the call log how the call ended; the first end stands. */
export function endCall(call: Call, how: Exclude<SimulatedCall["end"], "open">): void {
  if (call.entry.end !== "open") return;
  call.entry.end = how;
  call.entry.endTime = new Date(call.clock.wallMs()).toISOString();
}

/** Who answers: ids follow from the number of the call, so that the log can be matched. */
export function identityOf(call: Call): AnswerIdentity {
  return {
    requestId: `sim-${call.entry.number}`,
    responseId: `${call.endpoint.responseIdPrefix}sim-${call.entry.number}`,
    model: call.scenario.model,
    createdSeconds: Math.floor(call.clock.wallMs() / 1_000),
  };
}

/** Headers of every answer. */
export function answerHeaders(call: Call): Record<string, string> {
  const { endpoint, entry, limits, clock } = call;
  const { dialect } = endpoint;
  const headers: Record<string, string> = { [dialect.requestIdHeader]: `sim-${entry.number}` };
  for (const limit of limits) Object.assign(headers, dialect.limitHeaders(limit, clock.wallMs()));
  return Object.assign(headers, tierHeaders(call));
}

const finishReasons: Readonly<Record<Reply["finish"], FinishReason>> = {
  stop: FinishReason.STOP,
  length: FinishReason.LENGTH,
  tool_calls: FinishReason.TOOL_CALLS,
  content_filter: FinishReason.CONTENT_FILTER,
};

/** How a candidate ends. */
export function finishOf(reply: Reply, candidate: number): CandidateFinish {
  return {
    $typeName: "penstock.inference.v1.CandidateFinish",
    candidate,
    reason: finishReasons[reply.finish],
    rawReason: "",
  };
}

/** What is said at the end of a complete answer. */
export function endOf(call: Call): AnswerEnd {
  return {
    candidates: call.replies.map(finishOf),
    usage: usageOf(call),
    ...toldTier(call),
    responseId: identityOf(call).responseId,
    model: call.scenario.model,
    warnings: [],
  };
}

/** What the vendor bills: the tokens of the messages, and one for each piece of the replies. */
export function usageOf(call: Call): TokenUsage {
  const blocks = call.replies.flatMap((reply) => reply.blocks);
  const reasoning = blocks.filter(({ kind }) => kind === "reasoning");
  return {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: BigInt(call.inputTokens),
    outputTokens: BigInt(countPieces(blocks)),
    ...(reasoning.length === 0 ? {} : { reasoningOutputTokens: BigInt(countPieces(reasoning)) }),
    ...(call.cache === undefined ? {} : cacheTokens(call.cache, call.endpoint)),
    source: UsageSource.REPORTED,
  };
}

/** Tokens of all replies of a call. */
export function repliedTokens({ replies }: Call): number {
  return countPieces(replies.flatMap(({ blocks }) => blocks));
}

/** Pieces, which are tokens, of some blocks. */
function countPieces(blocks: Reply["blocks"]): number {
  return blocks.reduce((sum, { pieces }) => sum + pieces.length, 0);
}

function cacheTokens({ readTokens, writtenTokens }: CacheUse, { caching }: Endpoint) {
  // Who keeps prompts without being asked bills nothing for it and tells only of reads.
  const writes = caching === "marked" ? { cacheWriteInputTokens: BigInt(writtenTokens) } : {};
  return { cacheReadInputTokens: BigInt(readTokens), ...writes };
}
