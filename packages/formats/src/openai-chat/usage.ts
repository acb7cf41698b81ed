import { UsageSource, type TokenUsage } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import type { JsonObject } from "../format.ts";

/** A usage object as read: the counts if believable, the raw object, and what was wrong. */
export interface ReadUsage {
  usage: TokenUsage | undefined;
  raw: JsonObject | undefined;
  warnings: string[];
}

/**
 * Reads a usage object. A count that is no whole number from zero to 2^53 - 1 refuses the whole
 * object, since money depends on it; a detail larger than its total is left out. Both are warned
 * of. Absent counts stay absent.
 */
export function readUsage(value: unknown): ReadUsage {
  if (!isJsonObject(value)) {
    const warnings = value == null ? [] : ["usage_refused: not an object"];
    return { usage: undefined, raw: undefined, warnings };
  }
  const refused: string[] = [];
  const count = (name: string, from: unknown, member = name): bigint | undefined =>
    readCount(isJsonObject(from) ? from[member] : undefined, name, refused);
  const inputDetails = value["prompt_tokens_details"];
  const outputDetails = value["completion_tokens_details"];
  const input = count("prompt_tokens", value);
  const total = count("total_tokens", value);
  const reasoning = count("reasoning_tokens", outputDetails);
  const output = count("completion_tokens", value);
  const cached =
    count("cached_tokens", inputDetails) ??
    count("prompt_cache_hit_tokens", value) ??
    // Moonshot tells it outside of the details.
    count("cached_tokens", value);
  const written =
    count("cache_write_tokens", inputDetails) ??
    // By LiteLLM's proxy, for models of Anthropic.
    count("cache_creation_input_tokens", value);
  const audioInput = count("prompt_audio_tokens", inputDetails, "audio_tokens");
  const audioOutput = count("completion_audio_tokens", outputDetails, "audio_tokens");
  if (refused.length > 0) {
    return { usage: undefined, raw: undefined, warnings: [`usage_refused: ${refused.join(", ")}`] };
  }
  const raw = isFiniteJson(value) ? (value as JsonObject) : undefined;
  if (input === undefined && output === undefined) return { usage: undefined, raw, warnings: [] };
  const wholeOutput = withReasoning(input, output, reasoning, total);
  const warnings: string[] = [];
  const cacheRead = within(cached, input, "cached_tokens", warnings);
  const uncached = (input ?? 0n) - (cacheRead ?? 0n);
  const usage: TokenUsage = {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: input,
    cacheReadInputTokens: cacheRead,
    cacheWriteInputTokens: within(written, uncached, "cache_write_tokens", warnings),
    audioInputTokens: within(audioInput, input, "prompt_audio_tokens", warnings),
    outputTokens: wholeOutput,
    reasoningOutputTokens: within(reasoning, wholeOutput, "reasoning_tokens", warnings),
    audioOutputTokens: within(audioOutput, wholeOutput, "completion_audio_tokens", warnings),
    source: UsageSource.REPORTED,
  };
  return { usage, raw, warnings };
}

function readCount(value: unknown, name: string, refused: string[]): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  refused.push(name);
  return undefined;
}

/** Some servers (xAI) count reasoning beside the completion; their total tells. */
function withReasoning(
  input: bigint | undefined,
  output: bigint | undefined,
  reasoning: bigint | undefined,
  total: bigint | undefined,
): bigint | undefined {
  if (output === undefined || !reasoning || total === undefined) return output;
  return (input ?? 0n) + output + reasoning === total ? output + reasoning : output;
}

function within(
  part: bigint | undefined,
  whole: bigint | undefined,
  name: string,
  warnings: string[],
): bigint | undefined {
  if (part === undefined || part <= (whole ?? 0n)) return part;
  warnings.push(`usage_detail_refused: ${name}`);
  return undefined;
}

/** A Struct can't hold what JSON can't say, and `1e999` is read as Infinity. */
function isFiniteJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  // Read from JSON: every member is its own.
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) if (!isFiniteJson(members[name])) return false;
  return true;
}

/** Writes usage for a caller; counts that are not known are told as zero or left out. */
export function writeUsage(usage: TokenUsage): Record<string, unknown> {
  const input = Number(usage.inputTokens ?? 0n);
  const output = Number(usage.outputTokens ?? 0n);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: inputDetails(usage),
    completion_tokens_details: outputDetails(usage.reasoningOutputTokens, usage.audioOutputTokens),
  };
}

function inputDetails(usage: TokenUsage): Record<string, number | undefined> | undefined {
  const { cacheReadInputTokens: cached, cacheWriteInputTokens: written } = usage;
  const { audioInputTokens: audio } = usage;
  if (cached === undefined && written === undefined && audio === undefined) return undefined;
  return {
    cached_tokens: numberOf(cached),
    cache_write_tokens: numberOf(written),
    audio_tokens: numberOf(audio),
  };
}

function outputDetails(
  reasoning: bigint | undefined,
  audio: bigint | undefined,
): Record<string, number | undefined> | undefined {
  if (reasoning === undefined && audio === undefined) return undefined;
  return { reasoning_tokens: numberOf(reasoning), audio_tokens: numberOf(audio) };
}

/** What is undefined is left out of the text. */
function numberOf(count: bigint | undefined): number | undefined {
  return count === undefined ? undefined : Number(count);
}
