import { MessageRole, type ContentPart, type Message } from "@penstock/api";
import type { FormatQuirks, JsonObject, TargetRequest } from "../format.ts";
import { ownSignature, type Signed } from "../own-signature.ts";
import { isJsonObject } from "../read-json.ts";
import { ToolIds, type ToolIdForm } from "../tool-ids.ts";
import { cannotSay, kindOf, writeContent, type ContentOptions } from "./write-content.ts";
import { ResultMedia, writeResults } from "./write-results.ts";

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
  const media = new ResultMedia();
  const overlay = isJsonObject(extras) ? (extras as JsonObject) : undefined;
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index] as Message;
    const own = overlay?.[String(index)];
    const path = `messages[${index}]`;
    const extras = isJsonObject(own) ? own : undefined;
    if (message.role === MessageRole.TOOL) {
      const options = contentOptions(extras, writing);
      const results = writeResults(message, { ...writing, path, media, options });
      written.push(...results.map((result) => overlaid(extras, result)));
      continue;
    }
    media.endResults(written);
    const one = writeMessage(message, path, extras, writing);
    if (one !== undefined) written.push(one);
  }
  media.endResults(written);
  return written;
}

function writeMessage(
  message: Message,
  path: string,
  extras: Written | undefined,
  writing: Writing,
): Written | undefined {
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
): Written | undefined {
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
        throw cannotSay(`${path}.parts[${message.parts.indexOf(part)}]`, kindOf(part));
    }
  }
  const thought = quirks.sendsReasoning === true ? reasoning : undefined;
  const saysNothing = texts.length + calls.length === 0 && (thought ?? refusal) === undefined;
  // A turn of thoughts that stayed behind, which the format refuses when it is empty.
  if (saysNothing && extras === undefined) return undefined;
  return overlaid(extras, {
    role: "assistant",
    content: texts.length === 0 ? null : writeContent(texts, path, contentOptions(extras, writing)),
    name: message.name,
    refusal,
    reasoning_content: thought,
    tool_calls: calls.length === 0 ? undefined : calls,
  });
}

/** The format has no place for signatures, whoever made them. */
function dropSignature(part: Signed, warn: TargetRequest["warn"]): void {
  if (ownSignature(part, "openai-chat", warn) === undefined) return;
  warn?.("signature_dropped: openai-chat has no place for signatures");
}

function contentOptions(extras: Written | undefined, { target }: Writing): ContentOptions {
  const content = extras?.["content"];
  const marks = target.quirks.sendsCacheMarkers === true;
  const { warn } = target;
  return { marks, extras: isJsonObject(content) ? content : undefined, warn };
}

function overlaid(extras: Written | undefined, known: Written): Written {
  if (extras === undefined) return known;
  const { content: _ofParts, ...others } = extras;
  return { ...others, ...known };
}
