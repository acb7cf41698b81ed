import { createHash } from "node:crypto";
import { MessageRole } from "@penstock/api";
import type { ContentPart, Message } from "@penstock/api";
import { countTokens } from "./token-count.ts";

/** What a simulated model makes of the conversation it received. */
export interface ReceivedMessages {
  /** SHA-256, hexadecimal, of `conversationText`. */
  readonly sha256: string;
  /** Tokens of all texts, plus 3 for each message, as vendors count their framing. */
  readonly inputTokens: number;
  readonly count: number;
}

/** Tokens that each message costs beside its text. */
export const tokensPerMessage = 3;

/** Hashes and counts a conversation. */
export function receiveMessages(messages: readonly Message[]): ReceivedMessages {
  let inputTokens = 0;
  for (const message of messages) {
    inputTokens += tokensPerMessage;
    for (const part of message.parts) inputTokens += countTokens(partText(part));
  }
  const sha256 = createHash("sha256").update(conversationText(messages)).digest("hex");
  return { sha256, inputTokens, count: messages.length };
}

/** Messages as `role`, line feed, texts; an empty line between them: easy to build again. */
export function conversationText(messages: readonly Message[]): string {
  return messages
    .map(({ role, parts }) => `${roleNames[role]}\n${parts.map(partText).join("")}`)
    .join("\n\n");
}

const roleNames: Record<MessageRole, string> = {
  [MessageRole.UNSPECIFIED]: "unspecified",
  [MessageRole.SYSTEM]: "system",
  [MessageRole.USER]: "user",
  [MessageRole.ASSISTANT]: "assistant",
  [MessageRole.TOOL]: "tool",
};

/** The text of a part; media counts as the one word that names its kind. */
function partText({ part }: ContentPart): string {
  switch (part.case) {
    case "text":
    case "reasoning":
      return part.value.text;
    case "toolCall":
      return `${part.value.name} ${part.value.argumentsJson}`;
    case "toolResult":
      return part.value.parts.map(partText).join("");
    case "citation":
      return part.value.quotedText ?? "";
    case "media":
      return `[${part.value.mediaType ?? "media"}]`;
    case "formatPart":
    case undefined:
      return "";
  }
}
