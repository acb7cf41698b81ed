import type { ContentPart, ReasoningPart } from "@penstock/api";
import { callerCallId } from "./call-id.ts";
import { formatName } from "./format-name.ts";
import { ownContent } from "./own-words.ts";
import { parseJsonObject } from "./parse-json-object.ts";

type Written = Record<string, unknown>;

/** A call whose arguments are no JSON object: the API has an end of the answer for that. */
export class MalformedCall extends Error {}

/** Writes a part of an answer; undefined for what stands elsewhere or has no words here. */
export function writeAnswerPart({ part }: ContentPart): Written | undefined {
  switch (part.case) {
    case "text":
      return { text: part.value.text };
    case "reasoning":
      return writeThought(part.value);
    case "toolCall": {
      const { id, name, argumentsJson } = part.value;
      return { ...writeCall(id, name, argumentsJson), thoughtSignature: ownProof(part.value) };
    }
    case "media": {
      const { source, mediaType } = part.value;
      if (source.case !== "data") return undefined;
      return { inlineData: { mimeType: mediaType, data: source.value.toBase64() } };
    }
    case "formatPart":
      return ownContent(part.value);
    default:
      return undefined;
  }
}

/** Writes a function call. Throws MalformedCall. */
export function writeCall(id: string, name: string, argumentsJson: string): Written {
  const args = argumentsJson.trim() === "" ? {} : parseJsonObject(argumentsJson);
  if (args === undefined) throw new MalformedCall(`Malformed function call: ${name}`);
  return { functionCall: { id: callerCallId(id), name, args } };
}

/** The proof of a part where this format made it; a caller could do nothing with any other. */
export function ownProof(part: {
  signature?: string | undefined;
  signatureIssuer?: string | undefined;
}): string | undefined {
  return part.signatureIssuer === formatName ? part.signature : undefined;
}

function writeThought(thought: ReasoningPart): Written | undefined {
  const thoughtSignature = ownProof(thought);
  if (thought.text !== "") return { text: thought.text, thought: true, thoughtSignature };
  return thoughtSignature === undefined ? undefined : { text: "", thoughtSignature };
}
