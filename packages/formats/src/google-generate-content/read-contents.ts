import { MessageRole, type ContentPart, type Message } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readList, readObject, readText } from "../field-values.ts";
import { newMessage } from "../new-request.ts";
import { isJsonObject } from "../read-json.ts";
import { CallBook } from "./call-book.ts";
import { member, otherMembers } from "./proto-json.ts";
import { readPart, type ReadPart } from "./read-part.ts";

/** Messages, and by their position what contents and parts carried besides. */
export interface Contents {
  messages: Message[];
  extras: Record<string, Record<string, unknown>> | undefined;
}

const maxContentCount = 10_000;
const maxPartCount = 4_096;
const known: ReadonlySet<string> = new Set(["role", "parts"]);

const roles = new Map<unknown, MessageRole>([
  [undefined, MessageRole.USER],
  [null, MessageRole.USER],
  ["", MessageRole.USER],
  ["user", MessageRole.USER],
  ["model", MessageRole.ASSISTANT],
  // Roles by which earlier versions of the API marked results of functions.
  ["function", MessageRole.USER],
  ["tool", MessageRole.USER],
]);

/**
 * Reads system instruction and conversation. A content that has results of functions beside other
 * parts becomes several messages, since the canonical ones keep results apart.
 */
export function readContents(
  problems: FieldProblems,
  contents: unknown,
  systemInstruction: unknown,
): Contents {
  const reader = new ContentsReader(problems);
  if (systemInstruction != null) reader.system(systemInstruction);
  const list = readList(problems, "contents", contents, maxContentCount) ?? [];
  if (Array.isArray(contents) && contents.length === 0) {
    problems.add("contents", "must have at least one content");
  }
  for (let index = 0; index < list.length && !problems.full; index++) {
    reader.content(list[index], index);
  }
  return { messages: reader.messages, extras: reader.extras };
}

class ContentsReader {
  readonly messages: Message[] = [];
  extras: Record<string, Record<string, unknown>> | undefined;
  readonly #problems: FieldProblems;
  readonly #calls = new CallBook();

  constructor(problems: FieldProblems) {
    this.#problems = problems;
  }

  system(value: unknown): void {
    const problems = this.#problems;
    const path = "systemInstruction";
    // The reference shows text alone as well as a content.
    const fields = typeof value === "string" ? { parts: [{ text: value }] } : value;
    const read = this.#parts(path, fields, -1);
    for (const [index, { parts }] of (read?.parts ?? []).entries()) {
      if (parts.every(({ part }) => part.case === "text")) continue;
      problems.add(`${path}.parts[${index}]`, "must be text");
    }
    if (read !== undefined) this.#add(MessageRole.SYSTEM, read.parts, read.others);
  }

  content(value: unknown, index: number): void {
    const path = `contents[${index}]`;
    const read = this.#parts(path, value, index);
    if (read === undefined) return;
    const role = roles.get(read.role);
    if (role === undefined) {
      this.#problems.add(`${path}.role`, "must be user or model");
      return;
    }
    if (role === MessageRole.ASSISTANT) {
      const results = read.parts.some(({ isResult }) => isResult);
      if (results)
        this.#problems.add(`${path}.parts`, "must not have a functionResponse of a model");
      this.#add(role, read.parts, read.others);
      return;
    }
    let run: ReadPart[] = [];
    let others = read.others;
    for (const part of read.parts) {
      if (run[0] !== undefined && run[0].isResult !== part.isResult) {
        this.#add(roleOf(run), run, others);
        run = [];
        others = undefined;
      }
      run.push(part);
    }
    this.#add(roleOf(run), run, others);
  }

  #parts(
    path: string,
    value: unknown,
    content: number,
  ): { role: unknown; parts: ReadPart[]; others: Record<string, unknown> | undefined } | undefined {
    const problems = this.#problems;
    const fields = readObject(problems, path, value);
    if (fields === undefined) return undefined;
    if (fields["role"] != null) readText(problems, `${path}.role`, fields["role"]);
    const list = readList(problems, `${path}.parts`, fields["parts"], maxPartCount);
    if (list?.length === 0) problems.add(`${path}.parts`, "must have at least one part");
    const parts: ReadPart[] = [];
    for (let part = 0; part < (list?.length ?? 0) && !problems.full; part++) {
      const at = `${path}.parts[${part}]`;
      const one = readObject(problems, at, list?.[part]);
      const read = one && readPart(problems, { path: at, content, part }, one, this.#calls);
      if (read !== undefined) parts.push(read);
    }
    return { role: fields["role"], parts, others: otherMembers(fields, known) };
  }

  #add(
    role: MessageRole,
    read: readonly ReadPart[],
    others: Record<string, unknown> | undefined,
  ): void {
    const parts: ContentPart[] = [];
    let ofParts: Record<string, unknown> | undefined;
    for (const one of read) {
      if (one.extra !== undefined) (ofParts ??= {})[String(parts.length)] = one.extra;
      parts.push(...one.parts);
    }
    const extras = ofParts === undefined ? others : { ...others, content: ofParts };
    if (extras !== undefined) (this.extras ??= {})[String(this.messages.length)] = extras;
    this.messages.push(newMessage(role, parts));
  }
}

function roleOf([first]: readonly ReadPart[]): MessageRole {
  return first?.isResult === true ? MessageRole.TOOL : MessageRole.USER;
}

/** The system instruction of a body, in either spelling. */
export function systemInstructionOf(fields: Readonly<Record<string, unknown>>): unknown {
  const value = member(fields, "systemInstruction");
  return isJsonObject(value) && Object.keys(value).length === 0 ? undefined : value;
}
