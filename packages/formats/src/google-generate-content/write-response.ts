import type { CitationPart, TokenUsage } from "@penstock/api";
import type { Answer, AnswerIdentity } from "../format.ts";
import { writeCitations } from "./citations.ts";
import { writeFinishReason } from "./finish-reason.ts";
import { writeLogprobsResult } from "./logprobs-result.ts";
import { writeUsage } from "./usage.ts";
import { MalformedCall, writeAnswerPart } from "./write-answer-part.ts";

/** Writes a whole answer; the model is the one the caller asked for. */
export function writeResponse(answer: Answer, identity: AnswerIdentity, usage: TokenUsage): string {
  return JSON.stringify({
    candidates: answer.candidates.map(writeCandidate),
    usageMetadata: writeUsage(usage),
    modelVersion: identity.model,
    responseId: answerId(identity),
  });
}

/** The id of an answer for a caller: the provider's, or that of the request. */
export function answerId(identity: AnswerIdentity): string {
  return identity.responseId === "" ? identity.requestId : identity.responseId;
}

function writeCandidate({ parts, finish }: Answer["candidates"][number]): Record<string, unknown> {
  const written: Record<string, unknown>[] = [];
  const citations: CitationPart[] = [];
  let text = "";
  let malformed: MalformedCall | undefined;
  for (const part of parts) {
    if (part.part.case === "text") text += part.part.value.text;
    if (part.part.case === "citation") citations.push(part.part.value);
    try {
      const one = writeAnswerPart(part);
      if (one !== undefined) written.push(one);
    } catch (error) {
      if (!(error instanceof MalformedCall)) throw error;
      malformed = error;
    }
  }
  return {
    content: { parts: written, role: "model" },
    finishReason:
      malformed === undefined ? writeFinishReason(finish.reason) : "MALFORMED_FUNCTION_CALL",
    finishMessage: malformed?.message,
    index: finish.candidate,
    citationMetadata: writeCitations(citations, text),
    logprobsResult: writeLogprobsResult(
      parts.map(({ part }) => (part.case === "text" ? part.value.logprobs : undefined)),
    ),
  };
}
