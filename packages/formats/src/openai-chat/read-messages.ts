import { MessageRole, type ContentPart, type Message } from "@penstock/api";
import { findCacheMarker } from "../anthropic-messages/cache-marker.ts";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readList, readObject, readText } from "../field-values.ts";
import { readCallSignature } from "./call-signature.ts";
import { reasoningPart, textPart, toolCallPart, toolResultPart } from "./content-parts.ts";
import { newMessage } from "../new-request.ts";
import { isJsonObject } from "../read-json.ts";
import { readContent } from "./read-content.ts";

/** The messages, and by position what they carried besides. */
export interface Messages {
  messages: Message[];
  extras: Record<string, Record<string, unknown>> | undefined;
}

const maxMessageCount = 10_000;
const maxToolCallCount = 512;
const idLength = { min: 1, max: 512 };
const nameLength = { min: 1, max: 256 };

const textOnly: ReadonlySet<string> = new Set(["text"]);
const userParts: ReadonlySet<string> = new Set(["text", "image_url", "input_audio", "file"]);
const assistantParts: ReadonlySet<string> = new Set(["text", "refusal"]);

const knownFields: ReadonlySet<string> = new Set(["role", "content", "name"]);
const assistantFields: ReadonlySet<string> = new Set([
  ...knownFields,
  "refusal",
  "tool_calls",
  "reasoning_content",
]);
const toolFields: ReadonlySet<string> = new Set([...knownFields, "tool_call_id"]);

/** Reads the conversation. Roles: system, developer, user, assistant, tool. */
export function readMessages(problems: FieldProblems, value: unknown): Messages {
  const messages: Message[] = [];
  let extras: Record<string, Record<string, unknown>> | undefined;
  const list = readList(problems, "messages", value, maxMessageCount) ?? [];
  if (Array.isArray(value) && value.length === 0) {
    problems.add("messages", "must have at least one message");
  }
  for (let index = 0; index < list.length && !problems.full; index++) {
    const plain = problems.traces ? undefined : readPlain(list[index]);
    if (plain !== undefined) {
      messages.push(plain);
      continue;
    }
    const path = `messages[${index}]`;
    const fields = readObject(problems, path, list[index]);
    const read = fields && readMessage(problems, path, fields);
    if (fields === undefined || read === undefined) continue;
    markEnd(read.message, fields["cache_control"]);
    if (read.extras !== undefined) (extras ??= {})[String(messages.length)] = read.extras;
    problems.made(read.message, path);
    messages.push(read.message);
  }
  return { messages, extras };
}

/** Most messages are text alone; undefined for any other, of which there is more to say. */
function readPlain(value: unknown): Message | undefined {
  if (!isJsonObject(value)) return undefined;
  const { content } = value;
  const role = plainRoles.get(value["role"]);
  if (role === undefined || typeof content !== "string") return undefined;
  for (const name in value) if (name !== "role" && name !== "content") return undefined;
  return newMessage(role, [textPart(content)]);
}

const plainRoles: ReadonlyMap<unknown, MessageRole> = new Map([
  ["system", MessageRole.SYSTEM],
  ["user", MessageRole.USER],
  ["assistant", MessageRole.ASSISTANT],
]);

/** A mark on a message is one on the end of it, in the words of LiteLLM's callers. */
function markEnd({ parts }: Message, cacheControl: unknown): void {
  const last = parts.at(-1);
  const marker = last === undefined ? undefined : findCacheMarker(cacheControl);
  if (last !== undefined && marker !== undefined) last.cacheMarker ??= marker;
}

interface ReadMessage {
  message: Message;
  extras: Record<string, unknown> | undefined;
}

function readMessage(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ReadMessage | undefined {
  switch (fields["role"]) {
    case "user":
      return readSimple(problems, path, fields, MessageRole.USER);
    case "assistant":
      return readAssistant(problems, path, fields);
    case "system":
    case "developer":
      return readSimple(problems, path, fields, MessageRole.SYSTEM);
    case "tool":
      return readToolResult(problems, path, fields);
    case "function":
      problems.add(`${path}.role`, 'is the legacy role "function"; use "tool" with tool_call_id');
      return undefined;
    default:
      problems.add(`${path}.role`, "must be system, developer, user, assistant or tool");
      return undefined;
  }
}

function readSimple(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
  role: MessageRole,
): ReadMessage {
  const allowed = role === MessageRole.USER ? userParts : textOnly;
  const content = readRequiredContent(problems, path, fields, allowed);
  const rawRole = fields["role"] === "developer" ? "developer" : undefined;
  const message = newMessage(role, content.parts, rawRole, readName(problems, path, fields));
  return { message, extras: withPartExtras(otherFields(fields, knownFields), content.extras) };
}

function readAssistant(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ReadMessage {
  const { content: value, refusal, tool_calls: calls, reasoning_content: reasoning } = fields;
  const parts: ContentPart[] = [];
  if (reasoning != null) {
    const text = readText(problems, `${path}.reasoning_content`, reasoning);
    if (text !== undefined && text !== "") parts.push(reasoningPart(text));
    problems.made(parts[0], `${path}.reasoning_content`);
  }
  let extras = otherFields(fields, assistantFields);
  if (value != null) {
    const content = readContent(problems, `${path}.content`, value, assistantParts);
    // Empty text beside tool calls is how some clients write null.
    if (value !== "" || calls == null) parts.push(...content.parts);
    extras = withPartExtras(extras, content.extras);
  }
  if (refusal != null) {
    const text = readText(problems, `${path}.refusal`, refusal);
    if (text !== undefined) parts.push(textPart(text, true));
    if (text !== undefined) problems.made(parts.at(-1), `${path}.refusal`);
  }
  if (calls != null) readToolCalls(problems, `${path}.tool_calls`, calls, parts);
  const name = readName(problems, path, fields);
  return { message: newMessage(MessageRole.ASSISTANT, parts, undefined, name), extras };
}

function readToolCalls(
  problems: FieldProblems,
  path: string,
  value: unknown,
  parts: ContentPart[],
): void {
  const list = readList(problems, path, value, maxToolCallCount) ?? [];
  for (let index = 0; index < list.length && !problems.full; index++) {
    const at = `${path}[${index}]`;
    const call = readObject(problems, at, list[index]);
    if (call === undefined) continue;
    if (call["type"] !== undefined && call["type"] !== "function") {
      problems.addUnsupported(`${at}.type`, 'must be "function"; other kinds are not served');
      continue;
    }
    const called = readObject(problems, `${at}.function`, call["function"]);
    const id = readText(problems, `${at}.id`, call["id"], idLength);
    if (called === undefined) continue;
    const name = readText(problems, `${at}.function.name`, called["name"], nameLength);
    const text = readText(problems, `${at}.function.arguments`, called["arguments"]);
    if (id === undefined || name === undefined || text === undefined) continue;
    const part = toolCallPart(id, name, text);
    Object.assign(part.part.value ?? {}, readCallSignature(call));
    problems.made(part, at);
    parts.push(part);
  }
}

function readToolResult(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): ReadMessage {
  const id = readText(problems, `${path}.tool_call_id`, fields["tool_call_id"], idLength);
  const content = readRequiredContent(problems, path, fields, textOnly);
  const parts = [toolResultPart(id ?? "", content.parts)];
  problems.made(parts[0], path);
  const name = readName(problems, path, fields);
  const message = newMessage(MessageRole.TOOL, parts, undefined, name);
  return { message, extras: withPartExtras(otherFields(fields, toolFields), content.extras) };
}

function readRequiredContent(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
  allowed: ReadonlySet<string>,
): ReturnType<typeof readContent> {
  const field = `${path}.content`;
  if (fields["content"] == null) {
    const allowsNone = "only an assistant's message may go without";
    problems.add(field, `must be text or a list of parts; ${allowsNone}`);
    return { parts: [], extras: undefined };
  }
  const before = problems.count;
  const content = readContent(problems, field, fields["content"], allowed);
  if (content.parts.length === 0 && problems.count === before) {
    problems.add(field, "must not be empty");
  }
  return content;
}

function readName(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
): string | undefined {
  const name = fields["name"];
  return name == null ? undefined : readText(problems, `${path}.name`, name, nameLength);
}

/** Extras of parts stand under `content`, which the message's own extras can't have. */
function withPartExtras(
  own: Record<string, unknown> | undefined,
  ofParts: Record<string, unknown> | undefined,
): Record<string, unknown> | undefined {
  return ofParts === undefined ? own : { ...own, content: ofParts };
}
