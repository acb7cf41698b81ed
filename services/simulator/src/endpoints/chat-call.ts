import type { IncomingMessage, ServerResponse } from "node:http";
import { FinishReason, UsageSource } from "@penstock/api";
import type { CandidateFinish, TokenUsage } from "@penstock/api";
import type { AnswerEnd, AnswerIdentity, CallerRequest } from "@penstock/formats";
import type { Clock } from "@penstock/runtime";
import type { SimulatedCall } from "../call-log.ts";
import type { Reply } from "../reply.ts";
import type { Scenario } from "../scenario.ts";

/** One call, ready to be answered. */
export interface ChatCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly asked: CallerRequest;
  readonly scenario: Scenario;
  readonly reply: Reply;
  readonly entry: SimulatedCall;
  readonly inputTokens: number;
  readonly firstTokenMs: number;
  readonly tokenIntervalMs: number;
  readonly clock: Clock;
}

/** Notes in the call log how the call ended; the first end stands. */
export function endCall(call: ChatCall, how: Exclude<SimulatedCall["end"], "open">): void {
  if (call.entry.end !== "open") return;
  call.entry.end = how;
  call.entry.endTime = new Date(call.clock.wallMs()).toISOString();
}

/** Who answers: ids follow from the number of the call, so that the log can be matched. */
export function identityOf(call: ChatCall): AnswerIdentity {
  return {
    requestId: `sim-${call.entry.number}`,
    responseId: `chatcmpl-sim-${call.entry.number}`,
    model: call.scenario.model,
    createdSeconds: Math.floor(call.clock.wallMs() / 1_000),
  };
}

/** How the only candidate ends. */
export function finishOf(reply: Reply): CandidateFinish {
  const finishReasons = {
    stop: FinishReason.STOP,
    length: FinishReason.LENGTH,
    tool_calls: FinishReason.TOOL_CALLS,
  };
  return {
    $typeName: "penstock.inference.v1.CandidateFinish",
    candidate: 0,
    reason: finishReasons[reply.finish],
    rawReason: reply.finish,
  };
}

/** What is said at the end of a complete answer. */
export function endOf(call: ChatCall): AnswerEnd {
  return {
    candidates: [finishOf(call.reply)],
    usage: usageOf(call),
    rawUsage: undefined,
    responseId: identityOf(call).responseId,
    model: call.scenario.model,
    warnings: [],
  };
}

/** What the vendor bills: the tokens of the messages, and one for each piece of the reply. */
export function usageOf(call: ChatCall): TokenUsage {
  return {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: BigInt(call.inputTokens),
    outputTokens: BigInt(call.reply.pieces.length),
    source: UsageSource.REPORTED,
  };
}
