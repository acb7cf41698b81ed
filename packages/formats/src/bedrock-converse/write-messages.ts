import { MessageRole, type ContentPart, type Message } from "@penstock/api";
import { cannotSay } from "./cannot-say.ts";
import { writeBlocks, type BlockWriting } from "./write-blocks.ts";

type Written = Record<string, unknown>;

/** A conversation as the format has it: instructions apart, turns by two speakers in turn. */
export interface WrittenConversation {
  readonly system: Written[];
  readonly messages: { readonly role: "user" | "assistant"; readonly content: Written[] }[];
}

/**
 * Writes the conversation. Messages of the same speaker become one, since Bedrock wants the two to
 * take turns; results of tools are the user's. Instructions have no place within the conversation:
 * those that stand there are moved to its beginning, with a warning.
 */
export function writeMessages(
  messages: readonly Message[],
  writing: BlockWriting,
): WrittenConversation {
  const written: WrittenConversation = { system: [], messages: [] };
  messages.forEach((message, index) => {
    const path = `messages[${index}]`;
    const role = speakerOf(message, path);
    if (role === "system") checkInstructions(message.parts, path);
    const blocks = writeBlocks(message.parts, path, writing);
    if (blocks.length === 0) return;
    if (role === "system") {
      if (written.messages.length > 0) {
        writing.target.warn?.(
          "message_moved: instructions within the conversation stand before it",
        );
      }
      written.system.push(...blocks);
      return;
    }
    const last = written.messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else written.messages.push({ role, content: blocks });
  });
  return written;
}

function speakerOf({ role }: Message, path: string): "system" | "user" | "assistant" {
  switch (role) {
    case MessageRole.SYSTEM:
      return "system";
    case MessageRole.USER:
    case MessageRole.TOOL:
      return "user";
    case MessageRole.ASSISTANT:
      return "assistant";
    default:
      throw cannotSay(`${path}.role`, "an unknown role");
  }
}

function checkInstructions(parts: readonly ContentPart[], path: string): void {
  for (const [index, { part }] of parts.entries()) {
    if (part.case === "text" || part.case === "formatPart") continue;
    throw cannotSay(`${path}.parts[${index}]`, `${part.case ?? "unknown content"} in instructions`);
  }
}
