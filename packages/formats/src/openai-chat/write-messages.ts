import { MessageRole, type ContentPart, type Message, type ToolResultPart } from "@penstock/api";
import type { FormatQuirks, JsonObject, TargetRequest } from "../format.ts";
import { ownSignature, type Signed } from "../own-signature.ts";
import { isJsonObject } from "../read-json.ts";
import { cannotSay, writeContent } from "./write-content.ts";

type Written = Record<string, unknown>;

/**
 * Writes the conversation. `extras` are unknown members by position of the message, as
 * `readMessages` found them; they never replace a known one.
 */
export function writeMessages(
  messages: readonly Message[],
  target: TargetRequest,
  extras: unknown,
): Written[] {
  const written: Written[] = [];
  const overlay = isJsonObject(extras) ? (extras as JsonObject) : undefined;
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index] as Message;
    const own = overlay?.[String(index)];
    const path = `messages[${index}]`;
    if (message.role === MessageRole.TOOL) {
      writeResults(message, path, own, { written, warn: target.warn });
    } else written.push(writeMessage(message, path, own, target));
  }
  return written;
}

function writeMessage(
  message: Message,
  path: string,
  own: unknown,
  target: TargetRequest,
): Written {
  const extras = isJsonObject(own) ? own : undefined;
  switch (message.role) {
    case MessageRole.ASSISTANT:
      return writeAssistant(message, path, extras, target);
    case MessageRole.USER:
    case MessageRole.SYSTEM: {
      const content = writeContent(message.parts, path, partExtras(extras));
      const role = message.role === MessageRole.USER ? "user" : systemRole(message, target.quirks);
      return overlaid(extras, { role, content, name: message.name });
    }
    default:
      throw cannotSay(`${path}.role`, "an unknown role");
  }
}

function systemRole(message: Message, quirks: FormatQuirks): string {
  return message.rawRole === "developer" && quirks.sendsDeveloperRole ? "developer" : "system";
}

function writeAssistant(
  message: Message,
  path: string,
  extras: Written | undefined,
  { quirks, warn }: TargetRequest,
): Written {
  const texts: ContentPart[] = [];
  const calls: Written[] = [];
  let refusal: string | undefined;
  let reasoning: string | undefined;
  for (const part of message.parts) {
    switch (part.part.case) {
      case "text":
        if (part.part.value.refusal) refusal = (refusal ?? "") + part.part.value.text;
        else texts.push(part);
        break;
      case "reasoning":
        reasoning = (reasoning ?? "") + part.part.value.text;
        dropSignature(part.part.value, warn);
        break;
      case "toolCall": {
        dropSignature(part.part.value, warn);
        const { id, name, argumentsJson } = part.part.value;
        calls.push({ id, type: "function", function: { name, arguments: argumentsJson } });
        break;
      }
      case "citation":
        // Sources are for the reader of the answer; the model has no use for them.
        break;
      default:
        throw cannotSay(path, part.part.case ?? "an unknown kind of content");
    }
  }
  return overlaid(extras, {
    role: "assistant",
    content: texts.length === 0 ? null : writeContent(texts, path, partExtras(extras)),
    name: message.name,
    refusal,
    reasoning_content: quirks.sendsReasoning === true ? reasoning : undefined,
    tool_calls: calls.length === 0 ? undefined : calls,
  });
}

/** The format has no place for signatures, whoever made them. */
function dropSignature(part: Signed, warn: TargetRequest["warn"]): void {
  if (ownSignature(part, "openai-chat", warn) === undefined) return;
  warn?.("signature_dropped: openai-chat has no place for signatures");
}

/** One message of this format per result, since it can hold only one. */
function writeResults(
  message: Message,
  path: string,
  own: unknown,
  { written, warn }: { readonly written: Written[]; readonly warn: TargetRequest["warn"] },
): void {
  const extras = isJsonObject(own) ? own : undefined;
  for (const part of message.parts) {
    if (part.part.case !== "toolResult") {
      throw cannotSay(path, `${part.part.case ?? "unknown content"} in a message of tool results`);
    }
    const result: ToolResultPart = part.part.value;
    if (result.isError) warn?.("parameter_dropped: that a tool failed");
    written.push(
      overlaid(extras, {
        role: "tool",
        tool_call_id: result.toolCallId,
        content: writeResult(result, path, partExtras(extras)),
        name: message.name,
      }),
    );
  }
}

function writeResult(
  result: ToolResultPart,
  path: string,
  extras: Written | undefined,
): string | Written[] {
  if (result.parts.length === 0) return "";
  for (const part of result.parts) {
    if (part.part.case !== "text") {
      throw cannotSay(path, `${part.part.case ?? "unknown content"} in a tool result`);
    }
  }
  return writeContent(result.parts, path, extras);
}

function partExtras(extras: Written | undefined): Written | undefined {
  const content = extras?.["content"];
  return isJsonObject(content) ? content : undefined;
}

function overlaid(extras: Written | undefined, known: Written): Written {
  if (extras === undefined) return known;
  const { content: _ofParts, ...others } = extras;
  return { ...others, ...known };
}
