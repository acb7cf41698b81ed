import type { TokenUsage } from "@penstock/api";
import type { Answer, AnswerEnd, AnswerIdentity } from "../format.ts";
import { writeStatus } from "./finish-reason.ts";
import { repeatSaid } from "./said.ts";
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

/** An answer of which nothing is said yet, with what its request said. */
export function writeEnvelope(identity: AnswerIdentity): Written {
  return {
    ...repeatSaid(identity.said),
    id: answerId(identity),
    object: "response",
    access_programs: null,
    created_at: identity.createdSeconds,
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    model: identity.model,
    output: [],
    previous_response_id: null,
    usage: null,
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
