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
  readonly ids: ToolIds;
}

/** Ids of tool calls for targets that want nine letters and digits (Mistral). */
const shortIdForm: ToolIdForm = {
  accepted: /^[A-Za-z0-9]{9}$/,
  nameOf: (count) => `call${String(count).padStart(5, "0")}`,
};

/** Longest id that every model of OpenAI takes; those of vLLM are longer. Unit: characters. */
const longestId = 40;
const idForm: ToolIdForm = {
  accepted: new RegExp(`^[^]{1,${longestId}}$`),
  nameOf: (count) => `call_penstock_${count}`,
};

/** Whether a target would refuse the id of a tool call. */
export function refusesToolId(id: string, { shortToolIds }: FormatQuirks): boolean {
  return id.length > longestId || (shortToolIds === true && !shortIdForm.accepted.test(id));
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
  const ids = new ToolIds(target.quirks.shortToolIds === true ? shortIdForm : idForm);
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
      const content = writeContent(message.parts, path, contentOptions(extras, writing));
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
  writing: Writing,
): Written {
  const { target, ids } = writing;
  const { quirks, warn } = target;
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
        if (quirks.sendsReasoning !== true && part.part.value.text !== "") {
          warn?.("reasoning_dropped: the target takes no reasoning of earlier turns");
        }
        break;
      case "toolCall": {
        dropSignature(part.part.value, warn);
        const { id, name, argumentsJson } = part.part.value;
        const called = { name, arguments: argumentsJson };
        calls.push({ id: ids.idFor(id), type: "function", function: called });
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
    content: texts.length === 0 ? null : writeContent(texts, path, contentOptions(extras, writing)),
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
  writing: Writing & { readonly written: Written[] },
): void {
  const { written, target, ids } = writing;
  const extras = isJsonObject(own) ? own : undefined;
  for (const part of message.parts) {
    if (part.part.case !== "toolResult") {
      throw cannotSay(path, `${kindOf(part)} in a message of tool results`);
    }
    const result: ToolResultPart = part.part.value;
    if (result.isError) target.warn?.("parameter_dropped: that a tool failed");
    written.push(
      overlaid(extras, {
        role: "tool",
        tool_call_id: ids.idFor(result.toolCallId),
        content: writeResult(part, path, contentOptions(extras, writing)),
        name: message.name,
      }),
    );
  }
}

function writeResult(
  { part, cacheMarker }: ContentPart,
  path: string,
  options: ContentOptions,
): string | Written[] {
  const parts = part.case === "toolResult" ? part.value.parts : [];
  const last = parts.at(-1);
  if (last === undefined) return "";
  for (const one of parts) {
    if (one.part.case !== "text") throw cannotSay(path, `${kindOf(one)} in a tool result`);
  }
  if (!options.marks || cacheMarker === undefined) return writeContent(parts, path, options);
  // A mark on the result is one on the end of it.
  return writeContent([...parts.slice(0, -1), { ...last, cacheMarker }], path, options);
}

/** What of a message's content came beside its parts, and what the target knows. */
interface ContentOptions {
  readonly extras?: Written;
  readonly marks: boolean;
}

function contentOptions(extras: Written | undefined, { target }: Writing): ContentOptions {
  const content = extras?.["content"];
  const marks = target.quirks.sendsCacheMarkers === true;
  return isJsonObject(content) ? { extras: content, marks } : { marks };
}

function overlaid(extras: Written | undefined, known: Written): Written {
  if (extras === undefined) return known;
  const { content: _ofParts, ...others } = extras;
  return { ...others, ...known };
}
