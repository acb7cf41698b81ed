import { MessageRole, type Message } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readList, readObject } from "../field-values.ts";
import { newMessage } from "../new-request.ts";
import { readBlocks, type BlockExtras, type Blocks } from "./read-blocks.ts";

/** The conversation, and by the position of a message what it carried besides. */
export interface Messages {
  messages: Message[];
  extras: Record<string, Record<string, unknown>> | undefined;
}

type Others = Record<string, unknown> | undefined;

const maxMessageCount = 10_000;
const knownFields: ReadonlySet<string> = new Set(["role", "content"]);

/**
 * Reads the system prompt and the messages. A user's message with results of tools becomes a
 * message of results and one of the rest; instructions within the conversation keep their place,
 * with `system` as their raw role.
 */
export function readMessages(problems: FieldProblems, system: unknown, value: unknown): Messages {
  const read: Messages = { messages: [], extras: undefined };
  if (system != null) {
    add(read, MessageRole.SYSTEM, readBlocks(problems, "system", system, "system"));
  }
  const list = readList(problems, "messages", value, maxMessageCount) ?? [];
  if (Array.isArray(value) && value.length === 0) {
    problems.add("messages", "must have at least one message");
  }
  for (let index = 0; index < list.length && !problems.full; index++) {
    const path = `messages[${index}]`;
    const fields = readObject(problems, path, list[index]);
    if (fields !== undefined) readMessage(problems, path, fields, read);
  }
  return read;
}

function readMessage(
  problems: FieldProblems,
  path: string,
  fields: Record<string, unknown>,
  read: Messages,
): void {
  const others = otherFields(fields, knownFields);
  const content = `${path}.content`;
  switch (fields["role"]) {
    case "user": {
      const before = problems.count;
      const blocks = readBlocks(problems, content, fields["content"], "user");
      if (blocks.parts.length === 0 && problems.count === before) {
        problems.add(content, "must not be empty");
      }
      addUser(read, blocks, others);
      return;
    }
    case "assistant": {
      const blocks = readBlocks(problems, content, fields["content"], "assistant");
      add(read, MessageRole.ASSISTANT, blocks, { others });
      return;
    }
    case "system": {
      const blocks = readBlocks(problems, content, fields["content"], "system");
      add(read, MessageRole.SYSTEM, blocks, { others, rawRole: "system" });
      return;
    }
    default:
      problems.add(`${path}.role`, "must be user, assistant or system");
  }
}

/** Results of tools have a role of their own; runs of them and of the rest become messages. */
function addUser(read: Messages, blocks: Blocks, others: Others): void {
  if (blocks.parts.length === 1 && !isResult(blocks, 0)) {
    add(read, MessageRole.USER, blocks, { others });
    return;
  }
  let own = others;
  for (let start = 0; start < blocks.parts.length;) {
    const results = isResult(blocks, start);
    let end = start + 1;
    while (end < blocks.parts.length && isResult(blocks, end) === results) end += 1;
    const run = { parts: blocks.parts.slice(start, end), extras: shifted(blocks, start, end) };
    add(read, results ? MessageRole.TOOL : MessageRole.USER, run, { others: own });
    own = undefined;
    start = end;
  }
}

function isResult({ parts }: Blocks, index: number): boolean {
  return parts[index]?.part.case === "toolResult";
}

function shifted({ extras }: Blocks, start: number, end: number): BlockExtras | undefined {
  if (extras === undefined) return undefined;
  let own: BlockExtras | undefined;
  for (let index = start; index < end; index += 1) {
    const one = extras[String(index)];
    if (one !== undefined) (own ??= {})[String(index - start)] = one;
  }
  return own;
}

function add(
  read: Messages,
  role: MessageRole,
  { parts, extras }: Blocks,
  { others, rawRole }: { others?: Others; rawRole?: string } = {},
): void {
  const own = extras === undefined ? others : { ...others, content: extras };
  if (own !== undefined && Object.keys(own).length > 0) {
    (read.extras ??= {})[String(read.messages.length)] = own;
  }
  read.messages.push(newMessage(role, parts, rawRole));
}
