import { MessageRole } from "@penstock/api";
import type { ContentPart, GenerateRequest, Message } from "@penstock/api";
import type { PlainRequest } from "../format.ts";
import { textPart } from "../openai-chat/content-parts.ts";
import { ownContent } from "./own-words.ts";

/**
 * Begins a block of instructions by which Claude Code tells the vendor of itself. It differs from
 * conversation to conversation, and stands where others look for a beginning that they know.
 */
const accountLine = "x-anthropic-billing-header:";

/**
 * The request in words that other formats have, too: a reference to a tool that a search has found
 * is said, as the tool itself stands among the tools. Returns the request itself when it has
 * nothing of the kind.
 */
export function plainRequest(
  request: GenerateRequest,
  warn: (warning: string) => void,
): PlainRequest {
  let isChanged = false;
  const messages = request.messages.map((message) => {
    const plain =
      message.role === MessageRole.SYSTEM ? withoutAccountLine(message) : withNames(message, warn);
    isChanged ||= plain !== message;
    return plain;
  });
  return { request: isChanged ? { ...request, messages } : request };
}

function withoutAccountLine(message: Message): Message {
  const [first, ...rest] = message.parts;
  const isLine = first?.part.case === "text" && first.part.value.text.startsWith(accountLine);
  return isLine && rest.length > 0 ? { ...message, parts: rest } : message;
}

function withNames(message: Message, warn: (warning: string) => void): Message {
  if (!message.parts.some(hasReference)) return message;
  warn("content_changed: a tool_reference is said in words");
  return { ...message, parts: message.parts.map(named) };
}

function hasReference({ part }: ContentPart): boolean {
  return part.case === "toolResult" && part.value.parts.some((one) => toolNamed(one) !== undefined);
}

function named(whole: ContentPart): ContentPart {
  const { part } = whole;
  if (part.case !== "toolResult") return whole;
  const parts = part.value.parts.map((one) => {
    const name = toolNamed(one);
    return name === undefined ? one : textPart(`The tool ${name} can be called now.`);
  });
  return { ...whole, part: { case: "toolResult", value: { ...part.value, parts } } };
}

/** The tool that a reference names; undefined for anything else. */
function toolNamed({ part }: ContentPart): string | undefined {
  const content = part.case === "formatPart" ? ownContent(part.value) : undefined;
  const name = content?.["type"] === "tool_reference" ? content["tool_name"] : undefined;
  return typeof name === "string" ? name : undefined;
}
