import type { ContentPart, ReasoningPart, TokenUsage } from "@penstock/api";
import type { Answer, AnswerIdentity } from "../format.ts";
import { writeCitation } from "./citations.ts";
import { formatName, ownContent } from "./own-words.ts";
import { writeFinish } from "./stop-reason.ts";
import { toolInput } from "./tool-input.ts";
import { writeUsage } from "./usage.ts";

type Written = Record<string, unknown>;

/** Writes a whole answer; the model is the one the caller asked for. The format has one answer. */
export function writeResponse(answer: Answer, identity: AnswerIdentity, usage: TokenUsage): string {
  const [first] = answer.candidates;
  const parts = first?.parts ?? [];
  const refused = parts.some(({ part }) => part.case === "text" && part.value.refusal);
  return JSON.stringify({
    id: answerId(identity),
    type: "message",
    role: "assistant",
    model: identity.model,
    content: writeParts(parts),
    ...writeFinish(first?.finish, refused),
    usage: writeUsage(usage, answer.end.rawUsage),
    penstock: answer.end.report,
  });
}

/** The id of an answer for a caller: the provider's, or one made of the request's. */
export function answerId(identity: AnswerIdentity): string {
  return identity.responseId === "" ? `msg_${identity.requestId}` : identity.responseId;
}

function writeParts(parts: readonly ContentPart[]): Written[] {
  const content: Written[] = [];
  for (const { part } of parts) {
    switch (part.case) {
      case "text":
        content.push({ type: "text", text: part.value.text });
        break;
      case "reasoning":
        content.push(writeReasoning(part.value));
        break;
      case "toolCall": {
        const { id, name, argumentsJson } = part.value;
        content.push({ type: "tool_use", id, name, input: toolInput(argumentsJson) });
        break;
      }
      case "citation":
        cite(content, writeCitation(part.value));
        break;
      case "formatPart": {
        const own = ownContent(part.value);
        if (own !== undefined) content.push(own);
        break;
      }
      default:
        // The format has no words for media and kinds yet unknown in an answer.
        break;
    }
  }
  return content;
}

/** Signatures of others mean nothing to who will read them here. */
function writeReasoning(part: ReasoningPart): Written {
  const signature = ownSignatureOf(part);
  if (part.redacted) return { type: "redacted_thinking", data: signature };
  return { type: "thinking", thinking: part.text, signature };
}

/** The signature of reasoning for a caller of this format; empty where another made it. */
export function ownSignatureOf(part: {
  signature?: string | undefined;
  signatureIssuer?: string | undefined;
}): string {
  return (part.signatureIssuer ?? formatName) === formatName ? (part.signature ?? "") : "";
}

/** A citation belongs to the text before it; where there is none, to an empty one. */
function cite(content: Written[], citation: Written | undefined): void {
  if (citation === undefined) return;
  let last = content.at(-1);
  if (last?.["type"] !== "text") {
    last = { type: "text", text: "" };
    content.push(last);
  }
  const citations = last["citations"];
  if (Array.isArray(citations)) citations.push(citation);
  else last["citations"] = [citation];
}
