import { ToolChoiceMode, type GenerateRequest } from "@penstock/api";
import { FieldProblems, type FieldOrigins } from "../field-problems.ts";
import type { CallerRequest, ForwardableBody, JsonObject } from "../format.ts";
import { newRequest, samplingOf } from "../new-request.ts";
import { JsonWalker } from "../json-walker.ts";
import { decodeAscii, readScannedJson } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import type { JsonScan } from "../scan-json.ts";
import { applyWishes, type Wishes } from "../wishes/wishes.ts";
import { readPlainFields } from "./read-plain-request.ts";
import { fieldReaders, type RequestDraft } from "./request-fields.ts";

const maxLabelCount = 16;

/**
 * Reads a request of the Chat Completions API. Fields without a place in the canonical request
 * travel in `format_parameters["openai-chat"]`; members that messages, parts and tools have
 * besides the known ones travel there too, by position. Throws FIELD_INVALID or
 * UNSUPPORTED_FIELD with the paths of all problems, 20 at most.
 */
export function readRequest(body: Uint8Array): CallerRequest {
  const text = decodeAscii(body);
  const plain = text === undefined ? undefined : readPlain(body, text);
  return plain ?? readAnyRequest(body, text);
}

/** Reads a body of any kind. `text` is that of the body, where it is known. */
export function readAnyRequest(body: Uint8Array, text?: string): CallerRequest {
  return read(body, new FieldProblems(), text);
}

/** Undefined for bodies of which there is more to read, or to say. */
function readPlain(body: Uint8Array, text: string): CallerRequest | undefined {
  const draft = newDraft();
  const problems = new FieldProblems();
  const plain = readPlainFields(new JsonWalker(text, body), draft, problems);
  if (plain === undefined) return undefined;
  finish(draft, problems);
  const { request, stream, includeUsage } = draft;
  const { model, fields } = plain;
  return {
    request,
    stream,
    includeUsage: stream && includeUsage,
    forwardable: { model, fields, includeUsage },
    wishDialect: undefined,
    report: false,
  };
}

/** The same, noting where messages and parts stood. */
export function traceRequest(body: Uint8Array, origins: FieldOrigins): GenerateRequest {
  return read(body, new FieldProblems(origins)).request;
}

function read(body: Uint8Array, problems: FieldProblems, text?: string): CallerRequest {
  const { value: fields, scan } = readScannedJson(body, undefined, text);
  const draft = newDraft();
  for (const key in fields) {
    const value = fields[key];
    const readField = fieldReaders.get(key);
    if (readField === undefined) carry(draft, problems, key, value);
    else if (value !== null) readField(draft, value, problems);
  }
  finish(draft, problems);
  const { request, stream, includeUsage, wishes } = draft;
  return {
    request,
    stream,
    includeUsage: stream && includeUsage,
    forwardable: forwardableBody(draft, fields, scan),
    wishDialect: wishes?.dialect,
    report: wishes?.report ?? false,
  };
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
  return { model: scan.model, fields, includeUsage: draft.includeUsage };
}

/** Takes what follows from several fields, and throws where there are problems. */
function finish(draft: RequestDraft, problems: FieldProblems): void {
  const { request, wishes } = draft;
  if (wishes !== undefined) takeFirstModel(draft, wishes);
  if (!draft.sawModel) problems.add("model", "is required");
  if (!draft.sawMessages) problems.add("messages", "is required");
  takeMaxTokens(draft, problems);
  takeLogprobs(draft, problems);
  checkToolChoice(draft, problems);
  if (wishes !== undefined) {
    applyWishes(request, wishes);
    // Metadata alone has no more.
    if (Object.keys(request.labels).length > maxLabelCount) {
      problems.add("penstock.labels", `must have at most ${maxLabelCount} members with metadata`);
    }
  }
  problems.throwIfAny();
  if (draft.extras !== undefined) {
    request.formatParameters["openai-chat"] = draft.extras as JsonObject;
  }
}

/** OpenRouter's clients may leave `model` out when they give `models`. */
function takeFirstModel(draft: RequestDraft, { routing }: Wishes): void {
  const [first, ...rest] = routing?.models ?? [];
  if (draft.sawModel || routing === undefined || first === undefined) return;
  draft.sawModel = true;
  draft.request.model = first;
  routing.models = rest;
}

function takeMaxTokens(draft: RequestDraft, problems: FieldProblems): void {
  const { maxTokens, maxCompletionTokens } = draft;
  const largest = maxCompletionTokens ?? maxTokens;
  if (largest === undefined) return;
  if (maxTokens !== undefined && maxTokens !== largest) {
    problems.add("max_tokens", "differs from max_completion_tokens; give one of them");
  }
  samplingOf(draft.request).maxOutputTokens = largest;
}

function takeLogprobs(
  { request, logprobs, topLogprobs }: RequestDraft,
  problems: FieldProblems,
): void {
  if (logprobs === true) samplingOf(request).topLogprobs = topLogprobs ?? 0;
  else if (topLogprobs !== undefined) problems.add("top_logprobs", "needs logprobs to be true");
}

function checkToolChoice(draft: RequestDraft, problems: FieldProblems): void {
  const { request, parallel } = draft;
  const choice = request.toolChoice;
  if (parallel !== undefined) {
    request.toolChoice = {
      ...(choice ?? {
        $typeName: "penstock.inference.v1.ToolChoice",
        mode: ToolChoiceMode.UNSPECIFIED,
        toolName: "",
      }),
      parallel,
    };
  }
  if (choice === undefined || problems.count > 0) return;
  if (choice.mode === ToolChoiceMode.NAMED) {
    if (request.tools.some((tool) => tool.name === choice.toolName)) return;
    problems.add("tool_choice.function.name", "is not the name of one of the tools");
  } else if (choice.mode === ToolChoiceMode.REQUIRED && request.tools.length === 0) {
    problems.add("tool_choice", "asks for a tool, but there are no tools");
  }
}

/** A request of which nothing is read yet. */
export function newDraft(): RequestDraft {
  return {
    request: newRequest(),
    sawModel: false,
    sawMessages: false,
    stream: false,
    includeUsage: false,
    maxTokens: undefined,
    maxCompletionTokens: undefined,
    parallel: undefined,
    logprobs: undefined,
    topLogprobs: undefined,
    wishes: undefined,
    extras: undefined,
  };
}
