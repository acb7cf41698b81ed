import { MessageRole, ToolChoiceMode, type GenerateRequest } from "@penstock/api";
import { FieldProblems, type FieldOrigins } from "../field-problems.ts";
import type { CallerRequest, ForwardableBody, JsonObject } from "../format.ts";
import { textPart } from "../openai-chat/content-parts.ts";
import { newMessage, samplingOf } from "../new-request.ts";
import { readScannedJson } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import type { JsonScan } from "../scan-json.ts";
import { applyWishes, type Wishes } from "../wishes/wishes.ts";
import { formatName } from "./format-part.ts";
import type { MessageOverlay } from "./overlay.ts";
import { carry, newDraft } from "./request-draft.ts";
import type { RequestDraft } from "./request-draft.ts";
import { fieldReaders } from "./request-fields.ts";

const maxLabelCount = 16;

/** The raw role of the message that stands for the field `instructions`. */
export const instructionsRole = "instructions";

/**
 * Reads a request of the Responses API, as far as it needs nothing that is stored: what does is
 * refused. Fields, tools and items without a place in the canonical request travel in
 * `format_parameters["openai-responses"]` or as format parts. Throws FIELD_INVALID or
 * UNSUPPORTED_FIELD with the paths of all problems, 20 at most.
 */
export function readRequest(body: Uint8Array): CallerRequest {
  return read(body, new FieldProblems());
}

/** The same, noting where items and their parts stood. */
export function traceRequest(body: Uint8Array, origins: FieldOrigins): GenerateRequest {
  return read(body, new FieldProblems(origins)).request;
}

function read(body: Uint8Array, problems: FieldProblems): CallerRequest {
  const { value: fields, scan } = readScannedJson(body);
  const draft = newDraft();
  for (const key in fields) {
    const value = fields[key];
    const readField = fieldReaders.get(key);
    if (readField !== undefined) {
      if (value !== null) readField(draft, value, problems);
    } else if (isRefusedField(key)) {
      const why = "is refused: callers choose no destination, credential or header";
      problems.addUnsupported(key, why);
    } else carry(draft, key, value);
  }
  finish(draft, problems);
  const { request, stream, wishes } = draft;
  return {
    request,
    stream,
    includeUsage: true,
    forwardable: forwardableBody(draft, fields, scan),
    wishDialect: wishes?.dialect,
    report: wishes?.report ?? false,
    said: fields,
  };
}

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

function finish(draft: RequestDraft, problems: FieldProblems): void {
  const { request, wishes } = draft;
  if (wishes !== undefined) takeFirstModel(draft, wishes);
  if (!draft.sawModel) problems.add("model", "is required");
  if (!draft.sawInput) problems.add("input", "is required");
  takeInstructions(draft, problems);
  takeLogprobs(draft);
  takeToolChoice(draft, problems);
  if (wishes !== undefined) {
    applyWishes(request, wishes);
    // Metadata alone has no more.
    if (Object.keys(request.labels).length > maxLabelCount) {
      problems.add("penstock.labels", `must have at most ${maxLabelCount} members with metadata`);
    }
  }
  problems.throwIfAny();
  if (draft.extras !== undefined) {
    request.formatParameters[formatName] = draft.extras as JsonObject;
  }
}

/** Clients of OpenRouter may leave `model` out when they give `models`. */
function takeFirstModel(draft: RequestDraft, { routing }: Wishes): void {
  const [first, ...rest] = routing?.models ?? [];
  if (draft.sawModel || routing === undefined || first === undefined) return;
  draft.sawModel = true;
  draft.request.model = first;
  routing.models = rest;
}

/** Instructions are the first message, so that every target gets them. */
function takeInstructions(draft: RequestDraft, problems: FieldProblems): void {
  const { instructions, request } = draft;
  if (instructions === undefined) return;
  const part = textPart(instructions);
  problems.made(part, "instructions");
  request.messages.unshift(newMessage(MessageRole.SYSTEM, [part], instructionsRole));
  const overlay = draft.extras?.["input"] as Record<string, MessageOverlay> | undefined;
  if (overlay === undefined) return;
  const moved = Object.entries(overlay).map(([at, own]) => [String(Number(at) + 1), own]);
  carry(draft, "input", Object.fromEntries(moved));
}

/** Asked for by either of two fields. */
function takeLogprobs(draft: RequestDraft): void {
  const { wantsLogprobs, topLogprobs } = draft;
  if (wantsLogprobs) samplingOf(draft.request).topLogprobs = topLogprobs ?? 0;
  // Without the include the count alone asks for nothing, but is still the provider's to read.
  else if (topLogprobs !== undefined) carry(draft, "top_logprobs", topLogprobs);
}

function takeToolChoice(draft: RequestDraft, problems: FieldProblems): void {
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
    problems.add("tool_choice.name", "is not the name of one of the tools");
  } else if (choice.mode === ToolChoiceMode.REQUIRED && request.tools.length === 0) {
    problems.add("tool_choice", "asks for a tool, but there are no tools");
  }
}
