import type { ContentPart } from "@penstock/api";
import { localFailure } from "../failure-to-error.ts";
import { readLogprobs } from "../logprobs.ts";
import { isJsonObject } from "../read-json.ts";
import { citationPart, textPart, toolCallPart } from "../openai-chat/content-parts.ts";
import { formatPart, formatName } from "./format-part.ts";
import { readCitations } from "./read-citation.ts";
import { thoughtOf, thoughtPart } from "./reasoning-item.ts";

type Fields = Record<string, unknown>;

const maxNameLength = 256;
const maxIdLength = 512;

/** The content of an answer's items, in order. */
export function readOutput(items: readonly unknown[]): ContentPart[] {
  const parts: ContentPart[] = [];
  for (const [position, item] of items.entries()) {
    if (!isJsonObject(item)) throw localFailure("MALFORMED", `item ${position} is no object`);
    readItem(item, parts);
  }
  return parts;
}

function readItem(item: Fields, parts: ContentPart[]): void {
  switch (item["type"]) {
    case "message":
      readMessage(item, parts);
      return;
    case "reasoning": {
      const part = readThought(item);
      if (part !== undefined) parts.push(part);
      return;
    }
    case "function_call": {
      const { id, name, text } = readCall(item);
      parts.push(toolCallPart(id, name, text));
      return;
    }
    default:
      parts.push(formatPart(item));
  }
}

function readMessage({ content }: Fields, parts: ContentPart[]): void {
  for (const part of Array.isArray(content) ? (content as unknown[]) : []) {
    if (!isJsonObject(part)) continue;
    const { text, refusal } = part;
    if (typeof refusal === "string" && refusal !== "") parts.push(textPart(refusal, true));
    if (typeof text !== "string") continue;
    if (text !== "") parts.push(answerText(text, part["logprobs"]));
    for (const citation of readCitations(part["annotations"])) parts.push(citationPart(citation));
  }
}

function answerText(text: string, given: unknown): ContentPart {
  const part = textPart(text);
  const logprobs = readLogprobs(given);
  if (logprobs !== undefined && part.part.case === "text") part.part.value.logprobs = logprobs;
  return part;
}

/** What an item of reasoning says; undefined when it says nothing. */
export function readThought(item: Fields): ContentPart | undefined {
  const text = thoughtOf(item);
  const signature = encryptedOf(item);
  if (signature === undefined) return text === "" ? undefined : thoughtPart(text, {});
  return thoughtPart(text, { signature, signatureIssuer: formatName });
}

/** The opaque form of an item of reasoning. */
export function encryptedOf({ encrypted_content: encrypted }: Fields): string | undefined {
  return typeof encrypted === "string" && encrypted !== "" ? encrypted : undefined;
}

/** A call of a function. */
export function readCall(item: Fields): { id: string; name: string; text: string } {
  const { call_id: callId, id, name, arguments: given } = item;
  if (typeof name !== "string" || name === "") {
    throw localFailure("MALFORMED", "a call has no function");
  }
  const known = [callId, id].find((one) => typeof one === "string" && one !== "");
  if (known === undefined) throw localFailure("MALFORMED", "a call has no id");
  return {
    id: String(known).slice(0, maxIdLength),
    name: name.slice(0, maxNameLength),
    // Some servers send the arguments as an object instead of its text.
    text: typeof given === "string" ? given : given == null ? "" : JSON.stringify(given),
  };
}
