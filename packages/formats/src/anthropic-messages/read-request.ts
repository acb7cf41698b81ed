import { ToolChoiceMode, type GenerateRequest } from "@penstock/api";
import { FieldProblems, type FieldOrigins } from "../field-problems.ts";
import type { CallerRequest, ForwardableBody, JsonObject } from "../format.ts";
import { newRequest } from "../new-request.ts";
import { readScannedJson } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import type { JsonScan } from "../scan-json.ts";
import { applyWishes } from "../wishes/wishes.ts";
import { formatName } from "./own-words.ts";
import { readMessages } from "./read-messages.ts";
import { fieldReaders, type RequestDraft } from "./request-fields.ts";
import { sessionOf } from "./session.ts";

const maxLabelCount = 16;

/**
 * Reads a request of the Messages API. Fields without a place in the canonical request travel in
 * `format_parameters["anthropic-messages"]`; members that messages, blocks and tools have besides
 * the known ones travel there too, by position. Throws FIELD_INVALID or UNSUPPORTED_FIELD with the
 * paths of all problems, 20 at most.
 */
export function readRequest(body: Uint8Array): CallerRequest {
  return read(body, ["model", "max_tokens", "messages"], new FieldProblems());
}

/** The same, noting where messages and blocks stood. */
export function traceRequest(body: Uint8Array, origins: FieldOrigins): GenerateRequest {
  return read(body, ["model", "messages"], new FieldProblems(origins)).request;
}

/** Reads a request whose tokens shall be counted: the same, without a number of output tokens. */
export function readCountRequest(body: Uint8Array): CallerRequest {
  return read(body, ["model", "messages"], new FieldProblems());
}

function read(
  body: Uint8Array,
  required: readonly string[],
  problems: FieldProblems,
): CallerRequest {
  const { value: fields, scan } = readScannedJson(body);
  const draft = newDraft();
  for (const field of required) {
    if (fields[field] == null) problems.add(field, "is required");
  }
  for (const key in fields) {
    const value = fields[key];
    const readField = fieldReaders.get(key);
    if (readField === undefined) carry(draft, problems, key, value);
    else if (value !== null) readField(draft, value, problems);
  }
  const request = finish(draft, problems);
  const session = sessionOf(request.endUser);
  const asked: CallerRequest = {
    request,
    stream: draft.stream,
    // Streams of this format always tell their usage.
    includeUsage: draft.stream,
    forwardable: forwardableBody(draft, fields, scan),
    wishDialect: draft.wishes?.dialect,
    report: draft.wishes?.report ?? false,
  };
  if (session !== undefined) asked.session = session;
  return asked;
}

function carry(draft: RequestDraft, problems: FieldProblems, key: string, value: unknown): void {
  if (isRefusedField(key)) {
    problems.addUnsupported(key, "is refused: callers choose no destination, credential or header");
    return;
  }
  draft.extras ??= {};
  draft.extras[key] = value;
}

/** Bytes are compared to names only where no escape could hide one (decisions §4). */
function forwardableBody(
  draft: RequestDraft,
  fields: Readonly<Record<string, unknown>>,
  scan: JsonScan,
): ForwardableBody | undefined {
  if (scan.escapedTopLevelKey || scan.model === undefined) return undefined;
  // What is meant for Penstock is not for a provider.
  if (draft.wishes !== undefined || "penstock" in fields) return undefined;
  return { model: scan.model, fields, includeUsage: true };
}

function finish(draft: RequestDraft, problems: FieldProblems): GenerateRequest {
  const { request, wishes } = draft;
  if (draft.messages !== undefined) {
    const { messages, extras } = readMessages(problems, draft.system, draft.messages);
    request.messages = messages;
    if (extras !== undefined) draft.extras = { ...draft.extras, messages: extras };
  }
  checkToolChoice(request, problems);
  if (wishes !== undefined) {
    applyWishes(request, wishes);
    if (Object.keys(request.labels).length > maxLabelCount) {
      problems.add("penstock.labels", `must have at most ${maxLabelCount} members`);
    }
  }
  problems.throwIfAny();
  if (draft.extras !== undefined) {
    request.formatParameters[formatName] = draft.extras as JsonObject;
  }
  return request;
}

function checkToolChoice({ toolChoice, tools }: GenerateRequest, problems: FieldProblems): void {
  if (toolChoice === undefined || problems.count > 0) return;
  if (toolChoice.mode === ToolChoiceMode.NAMED) {
    if (tools.some((tool) => tool.name === toolChoice.toolName)) return;
    problems.add("tool_choice.name", "is not the name of one of the tools");
  } else if (toolChoice.mode === ToolChoiceMode.REQUIRED && tools.length === 0) {
    problems.add("tool_choice", "asks for a tool, but there are no tools");
  }
}

function newDraft(): RequestDraft {
  return {
    request: newRequest(),
    system: undefined,
    messages: undefined,
    stream: false,
    wishes: undefined,
    extras: undefined,
  };
}
