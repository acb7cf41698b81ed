import { MessageRole, type ContentPart, type Message } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readList, readObject } from "../field-values.ts";
import { newMessage } from "../new-request.ts";
import { readBlocks } from "./read-blocks.ts";

const maxMessageCount = 10_000;
const knownFields: ReadonlySet<string> = new Set(["role", "content"]);

/** Reads the instructions; they become the first message. */
export function readSystem(problems: FieldProblems, value: unknown): Message[] {
  const parts = readBlocks(problems, "system", value, "system");
  return parts.length === 0 ? [] : [newMessage(MessageRole.SYSTEM, parts)];
}

/** Reads the turns. What a user's turn says beside results of tools becomes a message of its own. */
export function readMessages(problems: FieldProblems, value: unknown): Message[] {
  const messages: Message[] = [];
  const list = readList(problems, "messages", value, maxMessageCount) ?? [];
  if (Array.isArray(value) && value.length === 0) {
    problems.add("messages", "must have at least one message");
  }
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `messages[${index}]`;
    const fields = readObject(problems, path, list[index]);
    if (fields === undefined) continue;
    for (const name of Object.keys(otherFields(fields, knownFields) ?? {})) {
      problems.addUnsupported(`${path}.${name}`, "is not known");
    }
    readMessage(problems, path, fields, messages);
  }
  return messages;
}

function readMessage(
  problems: FieldProblems,
  path: string,
  { role, content }: Record<string, unknown>,
  messages: Message[],
): void {
  if (role !== "user" && role !== "assistant") {
    problems.add(`${path}.role`, "must be user or assistant");
    return;
  }
  const parts = readBlocks(problems, `${path}.content`, content, role);
  if (role === "assistant") messages.push(newMessage(MessageRole.ASSISTANT, parts));
  else messages.push(...splitResults(parts));
}

function splitResults(parts: readonly ContentPart[]): Message[] {
  const messages: Message[] = [];
  for (const part of parts) {
    const role = part.part.case === "toolResult" ? MessageRole.TOOL : MessageRole.USER;
    const last = messages.at(-1);
    if (last?.role === role) last.parts.push(part);
    else messages.push(newMessage(role, [part]));
  }
  return messages;
}
