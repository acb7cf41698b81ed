import {
  ToolChoiceMode,
  type GenerateRequest,
  type ResponseFormat,
  type Tool,
  type ToolChoice,
} from "@penstock/api";
import { writeCacheMarker } from "../anthropic-messages/cache-marker.ts";
import { FieldProblems } from "../field-problems.ts";
import type { JsonObject, TargetRequest } from "../format.ts";
import { openaiSampling } from "../openai-rules.ts";
import { isJsonObject } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { fieldReaders } from "./request-fields.ts";
import { cannotSay } from "./write-content.ts";
import { writeMessages } from "./write-messages.ts";

/** Known fields that have no place in the canonical request and are carried as they came. */
const carriedFields: ReadonlySet<string> = new Set(["metadata", "logit_bias", "modalities"]);
/** Names under which unknown members inside known fields are carried, by position or name. */
const overlayFields: ReadonlySet<string> = new Set(["messages", "tools", "stream_options"]);

/**
 * Writes the body for a target of the Chat Completions API. Throws UNSUPPORTED_FIELD for content
 * that the format has no words for. Labels, wishes and the idempotency key stay with Penstock;
 * `end_user` is sent as `user`. A budget of reasoning tokens has no field here: it
 * is left out, and `warn` is told.
 */
export function writeRequest(request: GenerateRequest, target: TargetRequest): string {
  const { quirks } = target;
  const { sampling, effort } = openaiSampling(request.sampling, request.reasoning?.effort, target);
  const extras = request.formatParameters["openai-chat"];
  const maxTokens = sampling?.maxOutputTokens;
  const seed = sampling?.seed === undefined ? undefined : Number(sampling.seed);
  if (request.reasoning?.maxTokens !== undefined) {
    target.warn?.("parameter_dropped: a budget of reasoning tokens");
  }
  if (quirks.omitsUser === true && request.endUser !== undefined) {
    target.warn?.("parameter_dropped: user");
  }
  const body: Record<string, unknown> = {
    model: target.model,
    messages: writeMessages(request.messages, target, extras?.["messages"]),
    stream: target.stream ? true : undefined,
    stream_options: target.stream ? writeStreamOptions(target, extras) : undefined,
    tools:
      request.tools.length === 0 ? undefined : writeTools(request.tools, target, extras?.["tools"]),
    tool_choice: writeToolChoice(request.toolChoice),
    parallel_tool_calls: request.toolChoice?.parallel,
    max_tokens: quirks.maxTokensField === "max_tokens" ? maxTokens : undefined,
    max_completion_tokens: quirks.maxTokensField === "max_tokens" ? undefined : maxTokens,
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    top_k: sampling?.topK,
    frequency_penalty: sampling?.frequencyPenalty,
    presence_penalty: sampling?.presencePenalty,
    seed: quirks.seedField === "random_seed" ? undefined : seed,
    random_seed: quirks.seedField === "random_seed" ? seed : undefined,
    stop: writeStop(sampling?.stopSequences),
    n: request.candidateCount,
    response_format: writeResponseFormat(request.responseFormat),
    reasoning_effort: effort,
    user: quirks.omitsUser === true ? undefined : request.endUser,
    service_tier: request.serviceTier,
    logprobs: sampling?.topLogprobs === undefined ? undefined : true,
    top_logprobs: sampling?.topLogprobs || undefined,
  };
  const kin = request.formatParameters["openai-responses"];
  if (kin !== undefined) addKin(body, kin, target);
  if (extras !== undefined) addCarried(body, extras);
  return JSON.stringify(body);
}

/**
 * Checks the `format_parameters["openai-chat"]` of a caller who wrote them directly: throws
 * UNSUPPORTED_FIELD for a name that is refused, or that has its own field in the request.
 */
export function checkFormatParameters(request: GenerateRequest): void {
  const problems = new FieldProblems();
  for (const name of Object.keys(request.formatParameters["openai-chat"] ?? {})) {
    if (overlayFields.has(name) || isCarried(name)) continue;
    problems.addUnsupported(
      `format_parameters["openai-chat"].${name}`,
      "is refused here: it is a field of the request itself, or no caller may choose it",
    );
  }
  problems.throwIfAny();
}

function isCarried(name: string): boolean {
  return carriedFields.has(name) || (!fieldReaders.has(name) && !isRefusedField(name));
}

function addCarried(body: Record<string, unknown>, extras: JsonObject): void {
  for (const name in extras) {
    if (isCarried(name)) body[name] = extras[name];
  }
}

/** Parameters that the Responses API has as well, by the same name or within `text`. */
const kinFields = [
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "store",
] as const;

function addKin(
  body: Record<string, unknown>,
  responses: JsonObject,
  { quirks, warn }: TargetRequest,
): void {
  const text = responses["text"];
  const verbosity = isJsonObject(text) ? text["verbosity"] : undefined;
  if (quirks.refusesUnknownFields === true) {
    if (verbosity !== undefined) warn?.("parameter_dropped: verbosity");
    return;
  }
  for (const name of kinFields) if (name in responses) body[name] = responses[name];
  // Refused of answers that are not stored, which in the other API it is not.
  if (responses["store"] === true) body["metadata"] = responses["metadata"];
  if (verbosity !== undefined) body["verbosity"] = verbosity;
}

function writeStreamOptions(target: TargetRequest, extras: JsonObject | undefined): unknown {
  const carried = extras?.["stream_options"];
  const others = isJsonObject(carried) ? carried : undefined;
  if (!target.quirks.supportsStreamUsage) return others;
  return { ...others, include_usage: true };
}

function writeTools(
  tools: readonly Tool[],
  { quirks }: TargetRequest,
  extras: unknown,
): Record<string, unknown>[] {
  return tools.map((tool, index) => {
    if (tool.formatPart !== undefined) {
      throw cannotSay(`tools[${index}]`, `a tool of ${tool.formatPart.format}`);
    }
    const given = isJsonObject(extras) ? extras[String(index)] : undefined;
    const own = isJsonObject(given) ? given : {};
    return {
      ...own,
      type: "function",
      function: {
        ...(isJsonObject(own["function"]) ? own["function"] : {}),
        name: tool.name,
        description: tool.description,
        parameters: tool.inputSchema,
        strict: tool.strict,
      },
      ...(quirks.sendsCacheMarkers === true && tool.cacheMarker !== undefined
        ? { cache_control: writeCacheMarker(tool.cacheMarker) }
        : {}),
    };
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
      return { type: "function", function: { name: choice.toolName } };
    default:
      return undefined;
  }
}

function writeStop(stops: readonly string[] | undefined): unknown {
  if (stops === undefined || stops.length === 0) return undefined;
  return stops.length === 1 ? stops[0] : stops;
}

function writeResponseFormat(format: ResponseFormat | undefined): unknown {
  switch (format?.format.case) {
    case "text":
      return { type: "text" };
    case "jsonObject":
      return { type: "json_object" };
    case "jsonSchema": {
      const { name, description, schema, strict } = format.format.value;
      return { type: "json_schema", json_schema: { name, description, schema, strict } };
    }
    default:
      return undefined;
  }
}
