import type { ContentPart, Message, ToolCallPart } from "@penstock/api";
import type { TargetRequest } from "../format.ts";
import { ownSignature } from "../own-signature.ts";
import { isJsonObject } from "../read-json.ts";
import { wireCallId } from "./call-id.ts";
import { cannotSay } from "./cannot-say.ts";
import { formatName } from "./format-name.ts";
import { absentSignature, isThirdGeneration } from "./model-rules.ts";
import { ownContent } from "./own-words.ts";
import { parseJsonObject } from "./parse-json-object.ts";
import { writeFunctionResponse } from "./write-function-response.ts";
import { writeMedia } from "./write-media.ts";

type Written = Record<string, unknown>;

/** What the parts of one message are written with. */
export interface PartsContext {
  target: TargetRequest;
  /** Names of functions by the ids of their calls. */
  names: Map<string, string>;
  /** Unknown members by position of the part, as `readContents` found them. */
  extras: Readonly<Record<string, unknown>> | undefined;
  path: string;
}

/** Writes the parts of a message, calls and results included. */
export function writeParts(message: Message, context: PartsContext): Written[] {
  const written: Written[] = [];
  let calls = 0;
  for (const [index, { part }] of message.parts.entries()) {
    const path = `${context.path}.parts[${index}]`;
    if (part.case === "reasoning") {
      addThought(written, part.value, context);
      continue;
    }
    if (part.case === "toolCall") {
      context.names.set(part.value.id, part.value.name);
      calls += 1;
      const one = writeCall(part.value, path, { first: calls === 1, target: context.target });
      written.push(overlaid(one, context.extras?.[String(index)]));
      continue;
    }
    // Vertex AI refuses a text that is empty, but for one that brings a proof along.
    const isEmpty = part.case === "text" && part.value.text === "";
    if (isEmpty && !isProof(message.parts[index + 1])) continue;
    const one = writePart(part, path, context, message.name);
    if (one !== undefined) written.push(overlaid(one, context.extras?.[String(index)]));
  }
  return written;
}

/** Whether a part is nothing but the proof of the one before it. */
function isProof(part: ContentPart | undefined): boolean {
  return part?.part.case === "reasoning" && part.part.value.text === "";
}

function writePart(
  part: ContentPart["part"],
  path: string,
  context: PartsContext,
  speaker: string | undefined,
): Written | undefined {
  switch (part.case) {
    case "text":
      return { text: part.value.text };
    case "media":
      return writeMedia(part.value, path, context.target.warn);
    case "toolResult": {
      const name = context.names.get(part.value.toolCallId) ?? speaker;
      if (name === undefined) throw cannotSay(path, "the result of a call that is not there");
      return writeFunctionResponse(part.value, name, path);
    }
    case "formatPart": {
      const content = ownContent(part.value);
      if (content === undefined) throw cannotSay(path, `content of ${part.value.format}`);
      return content;
    }
    case "citation":
      // Sources are for the reader of the answer; the model has no use for them.
      return undefined;
    default:
      throw cannotSay(path, part.case ?? "an unknown kind of content");
  }
}

/**
 * A thought goes back only to who thought it. A proof without a text belongs to the part before it,
 * where it stood when it came.
 */
function addThought(
  written: Written[],
  thought: Extract<ContentPart["part"], { case: "reasoning" }>["value"],
  { target }: PartsContext,
): void {
  const { text, signatureIssuer: issuer } = thought;
  const thoughtSignature = ownSignature(thought, formatName, target.warn);
  if (text !== "") {
    if (issuer === formatName || thoughtSignature !== undefined) {
      written.push({ text, thought: true, thoughtSignature });
    } else target.warn?.("reasoning_dropped: thoughts of another model are not sent");
    return;
  }
  if (thoughtSignature === undefined) return;
  const last = written.at(-1);
  const takes = last !== undefined && ("text" in last || "inlineData" in last);
  if (takes && last["thoughtSignature"] === undefined) {
    last["thoughtSignature"] = thoughtSignature;
  } else written.push({ text: "", thoughtSignature });
}

function writeCall(
  call: ToolCallPart,
  path: string,
  { first, target }: { first: boolean; target: TargetRequest },
): Written {
  const { id, name, argumentsJson } = call;
  const args = argumentsJson.trim() === "" ? {} : parseJsonObject(argumentsJson);
  if (args === undefined) throw cannotSay(path, "a call whose arguments are no JSON object");
  let thoughtSignature = ownSignature(call, formatName, target.warn);
  if (thoughtSignature === undefined && first && isThirdGeneration(target.model)) {
    thoughtSignature = absentSignature;
    target.warn?.("signature_absent: the thought behind an earlier tool call is not known");
  }
  return { functionCall: { id: wireCallId(id), name, args }, thoughtSignature };
}

/** Unknown members never replace a known one. */
function overlaid(known: Written, extra: unknown): Written {
  return isJsonObject(extra) ? { ...extra, ...known } : known;
}
