import type { TokenUsage } from "@penstock/api";
import type { Answer, AnswerEnd, AnswerIdentity } from "../format.ts";
import { writeStatus } from "./finish-reason.ts";
import { writeUsage } from "./usage.ts";
import { writeOutput } from "./write-output.ts";

type Written = Record<string, unknown>;

/** Writes a whole answer; the model is the one the caller asked for. */
export function writeResponse(answer: Answer, identity: AnswerIdentity, usage: TokenUsage): string {
  const parts = answer.candidates[0]?.parts ?? [];
  const output = writeOutput(parts, idBase(identity), identity.callForms);
  return JSON.stringify(writeFinished(identity, { end: answer.end, output, usage }));
}

/** The answer when it is over. */
export function writeFinished(
  identity: AnswerIdentity,
  { end, output, usage }: { end: AnswerEnd; output: Written[]; usage: TokenUsage },
): Written {
  const { status, incompleteReason } = writeStatus(end.candidates[0]);
  return {
    ...writeEnvelope(identity),
    status,
    incomplete_details: incompleteReason === undefined ? null : { reason: incompleteReason },
    output,
    service_tier: end.serviceTier ?? "default",
    usage: writeUsage(usage),
    penstock: end.report,
  };
}

/**
 * An answer of which nothing is said yet. What the request said is not told again: the documented
 * defaults stand in the fields that clients expect.
 */
export function writeEnvelope(identity: AnswerIdentity): Written {
  return {
    id: answerId(identity),
    object: "response",
    created_at: identity.createdSeconds,
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    model: identity.model,
    output: [],
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: null,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: null,
    truncation: "disabled",
    usage: null,
    user: null,
    metadata: {},
  };
}

/** The id of an answer for a caller: the provider's where it has this form, or the request's. */
export function answerId({ responseId, requestId }: AnswerIdentity): string {
  return responseId.startsWith("resp_") ? responseId : `resp_${requestId.replaceAll("-", "")}`;
}

/** What ids of items begin with. */
export function idBase({ requestId }: AnswerIdentity): string {
  return requestId.replaceAll("-", "");
}
