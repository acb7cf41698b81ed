import type { ContentPart, TokenUsage } from "@penstock/api";
import type { Answer, AnswerIdentity } from "../format.ts";
import { writeLogprobs } from "../logprobs.ts";
import { writeCallSignature } from "./call-signature.ts";
import { writeFinishReason } from "./finish-reason.ts";
import { writeCitation } from "./read-citation.ts";
import { writeUsage } from "./usage.ts";

/** Writes a whole answer; the model is the one the caller asked for. */
export function writeResponse(answer: Answer, identity: AnswerIdentity, usage: TokenUsage): string {
  return JSON.stringify({
    id: answerId(identity),
    object: "chat.completion",
    created: identity.createdSeconds,
    model: identity.model,
    choices: answer.candidates.map(({ parts, finish }) => ({
      index: finish.candidate,
      message: writeMessage(parts),
      logprobs: writeTextLogprobs(parts),
      finish_reason: writeFinishReason(finish.reason),
    })),
    usage: writeUsage(usage),
    penstock: answer.end.report,
    service_tier: answer.end.serviceTier,
  });
}

/** The id of an answer for a caller: the provider's, or one made of the request's. */
export function answerId(identity: AnswerIdentity): string {
  return identity.responseId === "" ? `chatcmpl-${identity.requestId}` : identity.responseId;
}

/** How probable the tokens of text and refusal were; null when that is not known. */
function writeTextLogprobs(parts: readonly ContentPart[]): unknown {
  const known: Record<"content" | "refusal", Record<string, unknown>[]> = {
    content: [],
    refusal: [],
  };
  for (const { part } of parts) {
    if (part.case !== "text" || part.value.logprobs === undefined) continue;
    known[part.value.refusal ? "refusal" : "content"].push(...writeLogprobs(part.value.logprobs));
  }
  const { content, refusal } = known;
  if (content.length + refusal.length === 0) return null;
  return {
    content: content.length === 0 ? null : content,
    refusal: refusal.length === 0 ? null : refusal,
  };
}

function writeMessage(parts: readonly ContentPart[]): Record<string, unknown> {
  let content: string | null = null;
  let refusal: string | null = null;
  let reasoning: string | undefined;
  const calls: Record<string, unknown>[] = [];
  const annotations: Record<string, unknown>[] = [];
  for (const { part } of parts) {
    switch (part.case) {
      case "text":
        if (part.value.refusal) refusal = (refusal ?? "") + part.value.text;
        else content = (content ?? "") + part.value.text;
        break;
      case "reasoning":
        reasoning = (reasoning ?? "") + part.value.text;
        break;
      case "toolCall": {
        const { id, name, argumentsJson } = part.value;
        calls.push({
          id,
          type: "function",
          function: { name, arguments: argumentsJson },
          extra_content: writeCallSignature(part.value),
        });
        break;
      }
      case "citation":
        annotations.push(writeCitation(part.value));
        break;
      default:
        // The format has no words for media and kinds yet unknown in an answer.
        break;
    }
  }
  if (content === null && refusal === null && calls.length === 0) content = "";
  return {
    role: "assistant",
    content,
    refusal,
    reasoning_content: reasoning,
    annotations: annotations.length === 0 ? undefined : annotations,
    tool_calls: calls.length === 0 ? undefined : calls,
  };
}
