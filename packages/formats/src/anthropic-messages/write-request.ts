import type { GenerateRequest, ResponseFormat } from "@penstock/api";
import { claudeRules } from "../claude-rules.ts";
import { claudeStops, untakable } from "../claude-request.ts";
import { claudeSampling, type ClaudeThinking } from "../claude-thinking.ts";
import { FieldProblems } from "../field-problems.ts";
import type { JsonObject, TargetRequest } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { isRefusedField } from "../refused-fields.ts";
import { cannotSay, formatName } from "./own-words.ts";
import { fieldReaders } from "./request-fields.ts";
import { writeMessages } from "./write-messages.ts";
import { writeOutputConfig, writeThinking } from "./write-thinking.ts";
import { writeToolChoice, writeTools } from "./write-tools.ts";

/** Names under which words inside known fields are carried, by position or name. */
const overlayFields: ReadonlySet<string> = new Set([
  "messages",
  "tools",
  "metadata",
  "thinking",
  "output_config",
]);

/** Highest temperature of the format. */
const maxTemperature = 1;

/**
 * Writes the body for a target of the Messages API. Throws UNSUPPORTED_FIELD for content that the
 * format has no words for; of parameters that it does not know `target.warn` is told. Labels,
 * wishes and the idempotency key stay with Penstock; `end_user` is sent as `metadata.user_id`.
 */
export function writeRequest(request: GenerateRequest, target: TargetRequest): string {
  return JSON.stringify(requestBody(request, target));
}

/** The members of the body that `writeRequest` writes; see there. */
export function requestBody(
  request: GenerateRequest,
  target: TargetRequest,
): Record<string, unknown> {
  const extras = request.formatParameters[formatName];
  const { system, messages } = writeMessages(request.messages, target, extras?.["messages"]);
  checkFormat(request.responseFormat);
  tellDropped(request, target);
  const rules = claudeRules(target.model);
  const maxTokens =
    request.sampling?.maxOutputTokens ?? target.defaultMaxOutputTokens ?? rules.usualMaxTokens;
  const refused = untakable(request, rules);
  if (refused !== undefined) throw cannotSay(refused.path, refused.what);
  const claude = { rules, maxTokens, format: formatName, warn: target.warn } as const;
  const thinking = writeThinking(request, extras, claude);
  // A caller's own words about thinking are for the provider to judge.
  const told = extras?.["thinking"] === undefined ? (thinking as ClaudeThinking) : undefined;
  const sampling = claudeSampling(request.sampling, told, claude);
  const body: Record<string, unknown> = {
    model: target.model,
    max_tokens: maxTokens,
    system,
    messages,
    stream: target.stream ? true : undefined,
    tools: writeTools(request.tools, target, extras?.["tools"]),
    tool_choice: writeToolChoice(request.toolChoice, request.tools),
    thinking,
    output_config: writeOutputConfig(request, extras, claude),
    temperature: writeTemperature(sampling?.temperature, target),
    top_p: sampling?.topP,
    top_k: sampling?.topK,
    stop_sequences: claudeStops(sampling, target.warn),
    metadata: writeMetadata(request.endUser, extras?.["metadata"]),
  };
  if (extras !== undefined) addCarried(body, extras);
  return body;
}

/**
 * Checks the `format_parameters["anthropic-messages"]` of a caller who wrote them directly: throws
 * UNSUPPORTED_FIELD for a name that is refused, or that has its own field in the request.
 */
export function checkMessagesParameters(request: GenerateRequest): void {
  const problems = new FieldProblems();
  for (const name of Object.keys(request.formatParameters[formatName] ?? {})) {
    if (overlayFields.has(name) || isCarried(name)) continue;
    problems.addUnsupported(
      `format_parameters["${formatName}"].${name}`,
      "is refused here: it is a field of the request itself, or no caller may choose it",
    );
  }
  problems.throwIfAny();
}

function isCarried(name: string): boolean {
  return !fieldReaders.has(name) && !isRefusedField(name);
}

function addCarried(body: Record<string, unknown>, extras: JsonObject): void {
  for (const name in extras) {
    if (isCarried(name)) body[name] = extras[name];
  }
}

/** Any JSON but no schema: the format can promise only what a schema says. */
function checkFormat(format: ResponseFormat | undefined): void {
  if (format?.format.case !== "jsonObject") return;
  throw cannotSay("response_format", "any JSON object without a schema");
}

/** Parameters without which an answer is still one; the caller learns that they did nothing. */
function tellDropped(request: GenerateRequest, target: TargetRequest): void {
  const { sampling, candidateCount, serviceTier } = request;
  const drop = (name: string, value: unknown): void => {
    if (value === undefined) return;
    target.warn?.(`parameter_dropped: ${name} has no place in ${formatName}`);
  };
  drop("frequency_penalty", sampling?.frequencyPenalty);
  drop("presence_penalty", sampling?.presencePenalty);
  drop("seed", sampling?.seed);
  drop("logprobs", sampling?.topLogprobs);
  // Its own tiers are called otherwise, and travel with what only this format has words for.
  drop("service_tier", serviceTier);
  if ((candidateCount ?? 1) > 1) throw cannotSay("candidate_count", "more than one answer");
}

function writeTemperature(
  temperature: number | undefined,
  target: TargetRequest,
): number | undefined {
  if (temperature === undefined || temperature <= maxTemperature) return temperature;
  target.warn?.(`parameter_changed: temperature is ${maxTemperature}, the highest there is`);
  return maxTemperature;
}

function writeMetadata(endUser: string | undefined, extras: unknown): unknown {
  const others = isJsonObject(extras) ? extras : undefined;
  if (endUser === undefined) return others;
  return others === undefined ? { user_id: endUser } : { ...others, user_id: endUser };
}
