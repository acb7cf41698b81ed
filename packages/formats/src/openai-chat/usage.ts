import { UsageSource, type TokenUsage } from "@penstock/api";
import { isJsonObject } from "../read-json.ts";
import type { JsonObject } from "../format.ts";
import { isToldCount } from "../told-count.ts";

/** A usage object as read: the counts if believable, the raw object, and what was wrong. */
export interface ReadUsage {
  usage: TokenUsage | undefined;
  raw: JsonObject | undefined;
  warnings: string[];
}

/** Counts as a server names them; undefined where it does not say. Unit: tokens. */
export interface UsageCounts {
  input: number | undefined;
  output: number | undefined;
  total: number | undefined;
  /** Of the input's details, as are the three below. */
  cached: number | undefined;
  written: number | undefined;
  audioInput: number | undefined;
  imageInput: number | undefined;
  /** Of the output's details, as are the two below. */
  reasoning: number | undefined;
  audioOutput: number | undefined;
  imageOutput: number | undefined;
  /** `prompt_cache_hit_tokens`. */
  cacheHit: number | undefined;
  /** Moonshot tells it outside of the details. */
  cachedBeside: number | undefined;
  /** `cache_creation_input_tokens`, by LiteLLM's proxy for models of Anthropic. */
  cacheCreation: number | undefined;
}

/** Counts of which none is told yet. */
export function newCounts(): UsageCounts {
  return {
    input: undefined,
    output: undefined,
    total: undefined,
    cached: undefined,
    written: undefined,
    audioInput: undefined,
    imageInput: undefined,
    reasoning: undefined,
    audioOutput: undefined,
    imageOutput: undefined,
    cacheHit: undefined,
    cachedBeside: undefined,
    cacheCreation: undefined,
  };
}

/**
 * Reads a usage object. A count that is no whole number from zero to 10^8 refuses the whole
 * object, since money depends on it; a detail larger than its total is left out. Both are warned
 * of. Absent counts stay absent.
 */
export function readUsage(value: unknown): ReadUsage {
  if (!isJsonObject(value)) {
    const warnings = value == null ? [] : ["usage_refused: not an object"];
    return { usage: undefined, raw: undefined, warnings };
  }
  const refused: string[] = [];
  const counts = readCounts(value, refused);
  if (refused.length > 0) {
    return { usage: undefined, raw: undefined, warnings: [`usage_refused: ${refused.join(", ")}`] };
  }
  const raw = isFiniteJson(value) ? (value as JsonObject) : undefined;
  const warnings: string[] = [];
  return { usage: usageOf(counts, warnings), raw, warnings };
}

function readCounts(value: Record<string, unknown>, refused: string[]): UsageCounts {
  const input = value["prompt_tokens_details"];
  const output = value["completion_tokens_details"];
  const counts = newCounts();
  counts.input = readCount(value["prompt_tokens"], "prompt_tokens", refused);
  counts.total = readCount(value["total_tokens"], "total_tokens", refused);
  counts.output = readCount(value["completion_tokens"], "completion_tokens", refused);
  if (isJsonObject(output)) {
    counts.reasoning = readCount(output["reasoning_tokens"], "reasoning_tokens", refused);
    counts.audioOutput = readCount(output["audio_tokens"], "completion_audio_tokens", refused);
    counts.imageOutput = readCount(output["image_tokens"], "completion_image_tokens", refused);
  }
  if (isJsonObject(input)) {
    counts.cached = readCount(input["cached_tokens"], "cached_tokens", refused);
    counts.written = readCount(input["cache_write_tokens"], "cache_write_tokens", refused);
    counts.audioInput = readCount(input["audio_tokens"], "prompt_audio_tokens", refused);
    counts.imageInput = readCount(input["image_tokens"], "prompt_image_tokens", refused);
  }
  if (counts.cached === undefined) {
    const hit = value["prompt_cache_hit_tokens"];
    counts.cacheHit = readCount(hit, "prompt_cache_hit_tokens", refused);
    counts.cachedBeside = readCount(value["cached_tokens"], "cached_tokens", refused);
  }
  if (counts.written === undefined) {
    const created = value["cache_creation_input_tokens"];
    counts.cacheCreation = readCount(created, "cache_creation_input_tokens", refused);
  }
  return counts;
}

/** Usage by its counts; undefined where they tell of neither input nor output. */
export function usageOf(counts: UsageCounts, warnings: string[]): TokenUsage | undefined {
  const { input, reasoning } = counts;
  if (input === undefined && counts.output === undefined) return undefined;
  const output = withReasoning(counts);
  const cached = counts.cached ?? counts.cacheHit ?? counts.cachedBeside;
  const cacheRead = within(cached, input, "cached_tokens", warnings);
  const uncached = (input ?? 0) - (cacheRead ?? 0);
  const written = counts.written ?? counts.cacheCreation;
  const usage: TokenUsage = {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: tokens(input),
    cacheReadInputTokens: tokens(cacheRead),
    cacheWriteInputTokens: tokens(within(written, uncached, "cache_write_tokens", warnings)),
    audioInputTokens: tokens(within(counts.audioInput, input, "prompt_audio_tokens", warnings)),
    outputTokens: tokens(output),
    reasoningOutputTokens: tokens(within(reasoning, output, "reasoning_tokens", warnings)),
    audioOutputTokens: tokens(
      within(counts.audioOutput, output, "completion_audio_tokens", warnings),
    ),
    source: UsageSource.REPORTED,
  };
  // Told by few: models that see or make images by tokens of their own price.
  const { imageInput, imageOutput } = counts;
  if (imageInput !== undefined) {
    usage.imageInputTokens = tokens(within(imageInput, input, "prompt_image_tokens", warnings));
  }
  if (imageOutput !== undefined) {
    const made = within(imageOutput, output, "completion_image_tokens", warnings);
    usage.imageOutputTokens = tokens(made);
  }
  return usage;
}

function readCount(value: unknown, name: string, refused: string[]): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (isToldCount(value)) return value;
  refused.push(name);
  return undefined;
}

function tokens(count: number | undefined): bigint | undefined {
  if (count === undefined) return undefined;
  return count === 0 ? 0n : BigInt(count);
}

/**
 * Some servers (xAI) count reasoning beside the completion; their total tells. All of them are
 * small enough for an exact sum.
 */
function withReasoning({ input, output, reasoning, total }: UsageCounts): number | undefined {
  if (output === undefined || !reasoning || total === undefined) return output;
  return (input ?? 0) + output + reasoning === total ? output + reasoning : output;
}

function within(
  part: number | undefined,
  whole: number | undefined,
  name: string,
  warnings: string[],
): number | undefined {
  if (part === undefined || part <= (whole ?? 0)) return part;
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
