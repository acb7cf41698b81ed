import { MessageRole, type ContentPart, type Message } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { kindOf, otherFields, readList, readObject, readText } from "../field-values.ts";
import { newMessage } from "../new-request.ts";
import { textPart, toolCallPart, toolResultPart } from "../openai-chat/content-parts.ts";
import { formatPart } from "./format-part.ts";
import { hasOverlay, noteItem, notePart } from "./overlay.ts";
import type { MessageOverlay } from "./overlay.ts";
import { readContent } from "./read-content.ts";
import { readReasoning } from "./reasoning-item.ts";
import { openSignature } from "./sealed-signature.ts";

/** The conversation, and by position of the message what it carried besides. */
export interface Input {
  messages: Message[];
  extras: Record<string, MessageOverlay> | undefined;
}

type Fields = Record<string, unknown>;

const maxItemCount = 10_000;
const idLength = { min: 1, max: 512 };
const nameLength = { min: 1, max: 256 };
const messageFields: ReadonlySet<string> = new Set(["type", "role", "content"]);
const callFields: ReadonlySet<string> = new Set([
  "type",
  "call_id",
  "name",
  "arguments",
  "encrypted_content",
]);
const resultFields: ReadonlySet<string> = new Set(["type", "call_id", "output"]);
const userParts: ReadonlySet<string> = new Set([
  "input_text",
  "input_image",
  "input_file",
  "input_audio",
]);
const outputParts: ReadonlySet<string> = new Set(["output_text", "refusal"]);
const resultParts: ReadonlySet<string> = new Set(["input_text", "input_image", "input_file"]);

/** Reads `input`: text of the user, or items. Neighbouring items of the model are one message. */
export function readInput(problems: FieldProblems, value: unknown): Input {
  if (typeof value === "string") {
    const part = textPart(value);
    problems.made(part, "input");
    return { messages: [newMessage(MessageRole.USER, [part])], extras: undefined };
  }
  if (!Array.isArray(value)) {
    problems.add("input", `must be text or a list of items, not ${kindOf(value)}`);
    return { messages: [], extras: undefined };
  }
  if (value.length === 0) problems.add("input", "must have at least one item");
  const reader = new InputReader(problems);
  const list = readList(problems, "input", value, maxItemCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `input[${index}]`;
    const item = readObject(problems, path, list[index]);
    if (item !== undefined) reader.item(path, item);
  }
  reader.endMessage();
  return { messages: reader.messages, extras: reader.extras };
}

class InputReader {
  readonly messages: Message[] = [];
  extras: Record<string, MessageOverlay> | undefined;
  readonly #problems: FieldProblems;
  /** What the model said, while its items go on. */
  #parts: ContentPart[] = [];
  #overlay: MessageOverlay = {};

  constructor(problems: FieldProblems) {
    this.#problems = problems;
  }

  item(path: string, item: Fields): void {
    switch (item["type"] ?? "message") {
      case "message":
        this.#message(path, item);
        return;
      case "function_call":
        this.#call(path, item);
        return;
      case "function_call_output":
        this.#result(path, item);
        return;
      case "reasoning": {
        const { part, others } = readReasoning(this.#problems, path, item);
        if (part !== undefined) this.#append(path, part, others);
        return;
      }
      case "item_reference":
        this.#problems.addUnsupported(
          `${path}.type`,
          "is refused: Penstock keeps no answers; send the item itself",
        );
        return;
      default:
        this.#formatItem(path, item);
    }
  }

  /** The items of the model's turn are over. */
  endMessage(): void {
    if (this.#parts.length === 0) return;
    this.#add(newMessage(MessageRole.ASSISTANT, this.#parts), this.#overlay);
    this.#parts = [];
    this.#overlay = {};
  }

  #message(path: string, item: Fields): void {
    const { role } = item;
    const others = otherFields(item, messageFields);
    if (role === "assistant") {
      this.#assistant(path, item, others);
      return;
    }
    if (role !== "user" && role !== "system" && role !== "developer") {
      this.#problems.add(`${path}.role`, "must be user, assistant, system or developer");
      return;
    }
    this.endMessage();
    const before = this.#problems.count;
    const content = readContent(this.#problems, `${path}.content`, item["content"], userParts);
    if (content.parts.length === 0 && this.#problems.count === before) {
      this.#problems.add(`${path}.content`, "must not be empty");
    }
    const overlay: MessageOverlay = others === undefined ? {} : { item: others };
    if (content.extras !== undefined) overlay.parts = content.extras;
    const kind = role === "user" ? MessageRole.USER : MessageRole.SYSTEM;
    const rawRole = role === "developer" ? role : undefined;
    this.#add(newMessage(kind, content.parts, rawRole), overlay);
  }

  #assistant(path: string, item: Fields, others: Fields | undefined): void {
    const start = this.#parts.length;
    const content = readContent(this.#problems, `${path}.content`, item["content"], outputParts);
    // An item without content says nothing, and is left out.
    if (content.parts.length === 0) return;
    noteItem(this.#overlay, start, others);
    for (const [index, part] of content.parts.entries()) {
      notePart(this.#overlay, start + index, content.extras?.[String(index)]);
      this.#parts.push(part);
    }
  }

  #call(path: string, item: Fields): void {
    const problems = this.#problems;
    const id = readText(problems, `${path}.call_id`, item["call_id"], idLength);
    const name = readText(problems, `${path}.name`, item["name"], nameLength);
    const text = readText(problems, `${path}.arguments`, item["arguments"]);
    if (id === undefined || name === undefined || text === undefined) return;
    this.#append(path, signedCall(id, name, text, item), otherFields(item, callFields));
  }

  #result(path: string, item: Fields): void {
    this.endMessage();
    const id = readText(this.#problems, `${path}.call_id`, item["call_id"], idLength);
    const output = readContent(this.#problems, `${path}.output`, item["output"], resultParts);
    const others = otherFields(item, resultFields);
    const overlay: MessageOverlay = others === undefined ? {} : { item: others };
    if (output.extras !== undefined) overlay.parts = output.extras;
    const part = toolResultPart(id ?? "", output.parts);
    this.#problems.made(part, path);
    this.#add(newMessage(MessageRole.TOOL, [part]), overlay);
  }

  /** An item of a tool that only this format knows. */
  #formatItem(path: string, item: Fields): void {
    const type = readText(this.#problems, `${path}.type`, item["type"], nameLength);
    if (type === undefined) return;
    const role = roleOf(type);
    if (role === MessageRole.ASSISTANT) {
      this.#append(path, formatPart(item), undefined);
      return;
    }
    this.endMessage();
    const part = formatPart(item);
    this.#problems.made(part, path);
    this.#add(newMessage(role, [part]), {});
  }

  #append(path: string, part: ContentPart, members: Fields | undefined): void {
    this.#problems.made(part, path);
    noteItem(this.#overlay, this.#parts.length, members);
    this.#parts.push(part);
  }

  #add(message: Message, overlay: MessageOverlay): void {
    if (hasOverlay(overlay)) (this.extras ??= {})[String(this.messages.length)] = overlay;
    this.messages.push(message);
  }
}

/** A call; the proof of the thought behind it comes back as it was given. */
function signedCall(id: string, name: string, text: string, item: Fields): ContentPart {
  const call = toolCallPart(id, name, text);
  const { encrypted_content: encrypted } = item;
  if (typeof encrypted !== "string" || encrypted === "") return call;
  const { signature, signatureIssuer } = openSignature(encrypted);
  if (call.part.case === "toolCall") Object.assign(call.part.value, { signature, signatureIssuer });
  return call;
}

/** Who an item of a type of its own comes from. */
function roleOf(type: string): MessageRole {
  if (type.endsWith("_output")) return MessageRole.TOOL;
  const ofCaller = type === "mcp_approval_response" || type === "compaction_trigger";
  return ofCaller ? MessageRole.USER : MessageRole.ASSISTANT;
}
