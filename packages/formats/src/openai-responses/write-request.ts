import {
  ToolChoiceMode,
  type GenerateRequest,
  type ResponseFormat,
  type Sampling,
  type Tool,
  type ToolChoice,
} from "@penstock/api";
import type { JsonObject, TargetRequest } from "../format.ts";
import { openaiSampling } from "../openai-rules.ts";
import { isJsonObject } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { formatName } from "./format-part.ts";
import { fieldReaders } from "./request-fields.ts";
import { cannotSay, overlaid, ownWords } from "./write-content.ts";
import { writeInput } from "./write-input.ts";

/** Known fields that have no place in the canonical request and are carried as they came. */
const carriedFields: ReadonlySet<string> = new Set([
  "include",
  "metadata",
  "reasoning",
  "store",
  "text",
  "tool_choice",
  "top_logprobs",
]);
/** Parameters that the Chat Completions API calls the same. */
const chatFields = [
  "metadata",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
] as const;
const logprobsInclude = "message.output_text.logprobs";

/**
 * Writes the body for a target of the Responses API. Nothing is stored unless the caller asked for
 * it, as nobody could ask for it again. Throws UNSUPPORTED_FIELD for content that the format has no
 * words for; parameters that it lacks are left out with a warning.
 */
export function writeRequest(request: GenerateRequest, target: TargetRequest): string {
  return JSON.stringify(requestBody(request, target));
}

/** The members of the body that `writeRequest` writes; see there. */
export function requestBody(
  request: GenerateRequest,
  target: TargetRequest,
): Record<string, unknown> {
  const extras: JsonObject = request.formatParameters[formatName] ?? {};
  const chat: JsonObject = request.formatParameters["openai-chat"] ?? {};
  warnOfLoss(request, target);
  // What the format has no place for was told above.
  const own = request.sampling && { ...request.sampling, ...absentSampling };
  const { sampling, effort } = openaiSampling(own, request.reasoning?.effort, target);
  const { instructions, input } = writeInput(request.messages, target, extras["input"]);
  const body: Record<string, unknown> = {};
  for (const name of chatFields) if (name in chat) body[name] = chat[name];
  for (const name in extras) if (isSentAsItIs(name)) body[name] = extras[name];
  Object.assign(body, {
    model: target.model,
    instructions,
    input,
    stream: target.stream ? true : undefined,
    store: extras["store"] === true || chat["store"] === true,
    tools: writeTools(request.tools, extras["tools"]),
    tool_choice: writeToolChoice(request.toolChoice) ?? extras["tool_choice"],
    parallel_tool_calls: request.toolChoice?.parallel,
    max_output_tokens: writeMaxTokens(sampling?.maxOutputTokens, target),
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    top_logprobs: sampling?.topLogprobs ?? extras["top_logprobs"],
    include: writeInclude(sampling, extras["include"]),
    text: writeText(request.responseFormat, extras["text"], chat["verbosity"]),
    reasoning: writeReasoning(effort, extras["reasoning"]),
    service_tier: request.serviceTier,
    user: request.endUser,
  });
  return body;
}

/** Fewer are refused with 400 (platform.openai.com/docs/api-reference/responses/create). */
const leastOutputTokens = 16;

function writeMaxTokens(count: number | undefined, { warn }: TargetRequest): number | undefined {
  if (count === undefined || count >= leastOutputTokens) return count;
  warn?.(`approximated: the largest output is ${leastOutputTokens} tokens, the least there is`);
  return leastOutputTokens;
}

const absentSampling = {
  presencePenalty: undefined,
  frequencyPenalty: undefined,
  stopSequences: [],
};

/** Whether a parameter that a caller wrote directly may be sent: no field of the request itself. */
export function isOwnParameter(name: string): boolean {
  return carriedFields.has(name) || overlayFields.has(name) || isSentAsItIs(name);
}

/** Names under which members inside known fields are carried, by position. */
const overlayFields: ReadonlySet<string> = new Set(["input", "tools"]);

function isSentAsItIs(name: string): boolean {
  if (overlayFields.has(name)) return false;
  return carriedFields.has(name) || (!fieldReaders.has(name) && !isRefusedField(name));
}

function warnOfLoss(request: GenerateRequest, target: TargetRequest): void {
  const { sampling, reasoning, candidateCount, messages } = request;
  if ((candidateCount ?? 1) > 1) throw cannotSay("candidate_count", "more than one answer");
  if (target.warn === undefined) return;
  const lost: Record<string, boolean> = {
    top_k: sampling?.topK !== undefined,
    frequency_penalty: sampling?.frequencyPenalty !== undefined,
    presence_penalty: sampling?.presencePenalty !== undefined,
    seed: sampling?.seed !== undefined,
    stop_sequences: (sampling?.stopSequences.length ?? 0) > 0,
    "reasoning.max_tokens": reasoning?.maxTokens !== undefined,
    "messages.name": messages.some(({ name }) => name !== undefined),
  };
  for (const name in lost) {
    if (lost[name] === true) target.warn(`parameter_dropped: ${name}`);
  }
}

function writeTools(tools: readonly Tool[], overlay: unknown): unknown[] | undefined {
  if (tools.length === 0) return undefined;
  return tools.map((tool, index) => {
    const { formatPart } = tool;
    if (formatPart !== undefined) return ownWords(formatPart, `tools[${index}]`);
    return overlaid(isJsonObject(overlay) ? overlay[String(index)] : undefined, {
      type: "function",
      name: tool.name,
      description: tool.description,
      parameters: tool.inputSchema ?? null,
      // The API's own default is true, which not every schema is ready for.
      strict: tool.strict ?? false,
    });
  });
}

function writeToolChoice(choice: ToolChoice | undefined): unknown {
  switch (choice?.mode) {
    case ToolChoiceMode.AUTO:
      return "auto";
    case ToolChoiceMode.NONE:
      return "none";
    case ToolChoiceMode.REQUIRED:
      return "required";
    case ToolChoiceMode.NAMED:
      return { type: "function", name: choice.toolName };
    default:
      return undefined;
  }
}

function writeInclude(sampling: Sampling | undefined, carried: unknown): unknown {
  if (sampling?.topLogprobs === undefined) return carried;
  return [...(Array.isArray(carried) ? (carried as unknown[]) : []), logprobsInclude];
}

function writeText(
  format: ResponseFormat | undefined,
  carried: unknown,
  verbosity: unknown,
): unknown {
  const written = { verbosity, ...(isJsonObject(carried) ? carried : {}) };
  const form = writeFormat(format);
  if (form === undefined && Object.values(written).every((value) => value === undefined)) {
    return undefined;
  }
  return { ...written, format: form };
}

function writeFormat(format: ResponseFormat | undefined): unknown {
  switch (format?.format.case) {
    case "text":
      return { type: "text" };
    case "jsonObject":
      return { type: "json_object" };
    case "jsonSchema": {
      const { name, description, schema, strict } = format.format.value;
      return { type: "json_schema", name, description, schema, strict };
    }
    default:
      return undefined;
  }
}

function writeReasoning(effort: string | undefined, carried: unknown): unknown {
  const others = isJsonObject(carried) ? carried : undefined;
  return effort === undefined && others === undefined ? undefined : { ...others, effort };
}
