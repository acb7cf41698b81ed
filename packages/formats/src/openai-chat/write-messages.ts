import { MessageRole, type ContentPart, type Message, type ToolResultPart } from "@penstock/api";
import type { FormatQuirks, JsonObject, TargetRequest } from "../format.ts";
import { ownSignature, type Signed } from "../own-signature.ts";
import { isJsonObject } from "../read-json.ts";
import { ToolIds, type ToolIdForm } from "../tool-ids.ts";
import { cannotSay, kindOf, writeContent } from "./write-content.ts";

type Written = Record<string, unknown>;

/** What all messages of one request are written with. */
interface Writing {
  readonly target: TargetRequest;
  /** Absent: ids of tool calls are sent as they are. */
  readonly ids: ToolIds | undefined;
}

/** Ids of tool calls for targets that want nine letters and digits (Mistral). */
const shortIdForm: ToolIdForm = {
  accepted: /^[A-Za-z0-9]{9}$/,
  nameOf: (count) => `call${String(count).padStart(5, "0")}`,
};

/** Whether a target would refuse the id of a tool call. */
export function refusesToolId(id: string, { shortToolIds }: FormatQuirks): boolean {
  return shortToolIds === true && !shortIdForm.accepted.test(id);
}

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
  const ids = target.quirks.shortToolIds === true ? new ToolIds(shortIdForm) : undefined;
  const writing: Writing = { target, ids };
  const overlay = isJsonObject(extras) ? (extras as JsonObject) : undefined;
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index] as Message;
    const own = overlay?.[String(index)];
    const path = `messages[${index}]`;
    if (message.role === MessageRole.TOOL) {
      writeResults(message, path, own, { ...writing, written });
    } else written.push(writeMessage(message, path, own, writing));
  }
  return written;
}

function writeMessage(message: Message, path: string, own: unknown, writing: Writing): Written {
  const extras = isJsonObject(own) ? own : undefined;
  switch (message.role) {
    case MessageRole.ASSISTANT:
      return writeAssistant(message, path, extras, writing);
    case MessageRole.USER:
    case MessageRole.SYSTEM: {
      const content = writeContent(message.parts, path, partExtras(extras));
      const role =
        message.role === MessageRole.USER ? "user" : systemRole(message, writing.target.quirks);
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
  { target: { quirks, warn }, ids }: Writing,
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
        const called = { name, arguments: argumentsJson };
        calls.push({ id: ids?.idFor(id) ?? id, type: "function", function: called });
        break;
      }
      case "citation":
        // Sources are for the reader of the answer; the model has no use for them.
        break;
      default:
        throw cannotSay(path, kindOf(part));
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
  { written, target: { warn }, ids }: Writing & { readonly written: Written[] },
): void {
  const extras = isJsonObject(own) ? own : undefined;
  for (const part of message.parts) {
    if (part.part.case !== "toolResult") {
      throw cannotSay(path, `${kindOf(part)} in a message of tool results`);
    }
    const result: ToolResultPart = part.part.value;
    if (result.isError) warn?.("parameter_dropped: that a tool failed");
    written.push(
      overlaid(extras, {
        role: "tool",
        tool_call_id: ids?.idFor(result.toolCallId) ?? result.toolCallId,
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
      throw cannotSay(path, `${kindOf(part)} in a tool result`);
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
