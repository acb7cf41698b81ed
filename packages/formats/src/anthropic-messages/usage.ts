import { UsageSource, type TokenUsage } from "@penstock/api";
import type { JsonObject } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { isToldCount, isToldSum } from "../told-count.ts";

/** A usage object as read: the counts if believable, the raw object, and what was wrong. */
export interface ReadUsage {
  usage: TokenUsage | undefined;
  raw: JsonObject | undefined;
  warnings: string[];
}

/**
 * Reads a usage object. Their `input_tokens` are those beside the cache; ours are all. A count that
 * is no whole number from zero to 10^8 refuses the whole object, since money depends on it; a
 * detail larger than its total is left out. Both are warned of. Absent counts stay absent.
 */
export function readUsage(value: unknown): ReadUsage {
  if (!isJsonObject(value)) {
    const warnings = value == null ? [] : ["usage_refused: not an object"];
    return { usage: undefined, raw: undefined, warnings };
  }
  const refused: string[] = [];
  const created = value["cache_creation"];
  const plain = readCount(value["input_tokens"], "input_tokens", refused);
  const cacheRead = countIn(value, "cache_read_input_tokens", refused);
  const written = countIn(value, "cache_creation_input_tokens", refused);
  const written5m = countIn(created, "ephemeral_5m_input_tokens", refused);
  const written1h = countIn(created, "ephemeral_1h_input_tokens", refused);
  const output = readCount(value["output_tokens"], "output_tokens", refused);
  const thinking = countIn(value["output_tokens_details"], "thinking_tokens", refused);
  const compaction = readCompaction(value["iterations"], refused);
  if (refused.length > 0) {
    return { usage: undefined, raw: undefined, warnings: [`usage_refused: ${refused.join(", ")}`] };
  }
  const raw = value as JsonObject;
  if (plain === undefined && output === undefined) return { usage: undefined, raw, warnings: [] };
  const cacheWritten = largest(written, sum(written5m, written1h));
  const warnings: string[] = [];
  const usage: TokenUsage = {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: sum(
      sum(plain, cacheRead),
      sum(cacheWritten, sum(compaction.plain, compaction.cached)),
    ),
    cacheReadInputTokens: sum(cacheRead, compaction.read),
    cacheWriteInputTokens: sum(cacheWritten, compaction.written),
    outputTokens: sum(output, compaction.output),
    reasoningOutputTokens: within(thinking, output, "thinking_tokens", warnings),
    source: UsageSource.REPORTED,
  };
  const beyond = beyondBelief(usage);
  if (beyond !== undefined) return { usage: undefined, raw: undefined, warnings: [beyond] };
  const writtenLong = sum(written1h, compaction.written1h);
  if (writtenLong !== undefined) usage.cacheWrite1hInputTokens = writtenLong;
  return { usage, raw, warnings };
}

/** Counts that are believed one by one may come to more than is. */
function beyondBelief({ inputTokens, outputTokens }: TokenUsage): string | undefined {
  if (!isToldSum(inputTokens)) return "usage_refused: input_tokens";
  return isToldSum(outputTokens) ? undefined : "usage_refused: output_tokens";
}

/** Longest name of a tier; unit: characters. */
const maximumTierLength = 64;

/**
 * What the price depends on: a `speed` other than the standard one, else the tier that served
 * (platform.claude.com/docs: "Service tiers" and "Fast mode"; the two can't be had together).
 * Undefined: neither was told.
 */
export function servedTierOf(raw: JsonObject | undefined): string | undefined {
  if (raw === undefined) return undefined;
  const { speed, service_tier: tier } = raw;
  if (typeof speed === "string" && speed !== "" && speed !== "standard") {
    return speed.slice(0, maximumTierLength);
  }
  return typeof tier === "string" && tier !== "" ? tier.slice(0, maximumTierLength) : undefined;
}

/** What summaries of the conversation cost, which the counts beside the iterations leave out. */
interface Compaction {
  plain?: bigint | undefined;
  read?: bigint | undefined;
  written?: bigint | undefined;
  written1h?: bigint | undefined;
  /** Read from the cache or written to it. */
  cached?: bigint | undefined;
  output?: bigint | undefined;
}

const noCompaction: Compaction = {};

/** Most iterations of one answer that are looked at. */
const maxIterationCount = 1_024;

/**
 * Sums the iterations in which the API summed up the conversation: they are billed, and stand in no
 * other count (platform.claude.com/docs/en/build-with-claude/compaction, "Understanding usage").
 */
function readCompaction(iterations: unknown, refused: string[]): Compaction {
  if (!Array.isArray(iterations)) return noCompaction;
  const total: Compaction = {};
  const count = (from: unknown, name: string): bigint | undefined => countIn(from, name, refused);
  for (const one of iterations.slice(0, maxIterationCount) as unknown[]) {
    if (!isJsonObject(one) || one["type"] !== "compaction") continue;
    const created = one["cache_creation"];
    const written1h = count(created, "ephemeral_1h_input_tokens");
    const written5m = count(created, "ephemeral_5m_input_tokens");
    const written = largest(count(one, "cache_creation_input_tokens"), sum(written5m, written1h));
    const read = count(one, "cache_read_input_tokens");
    total.plain = sum(total.plain, count(one, "input_tokens"));
    total.read = sum(total.read, read);
    total.written = sum(total.written, written);
    total.written1h = sum(total.written1h, written1h);
    total.cached = sum(total.cached, sum(read, written));
    total.output = sum(total.output, count(one, "output_tokens"));
  }
  return total;
}

/**
 * Joins what a stream tells of its usage at different times. Counts are cumulative, but some servers
 * begin with zeros or forget what they said, so that the largest of each stands.
 */
export function mergeUsage(
  earlier: Readonly<Record<string, unknown>> | undefined,
  later: unknown,
): Record<string, unknown> | undefined {
  if (!isJsonObject(later)) return earlier;
  const merged: Record<string, unknown> = { ...earlier };
  for (const name in later) {
    const [before, now] = [merged[name], later[name]];
    if (now == null) continue;
    if (isJsonObject(before) && isJsonObject(now)) merged[name] = mergeUsage(before, now);
    else if (typeof before === "number" && typeof now === "number") {
      merged[name] = before > now ? before : now;
    } else merged[name] = now;
  }
  return merged;
}

/** What else a provider of this format says about usage, and no count of ours holds. */
const carriedFields = [
  "iterations",
  "server_tool_use",
  "service_tier",
  "inference_geo",
  "speed",
] as const;

/**
 * Writes usage for a caller; counts that are not known are told as zero. Where the conversation was
 * summed up, that stands among the iterations alone, as the API tells it.
 */
export function writeUsage(
  usage: TokenUsage | undefined,
  raw: JsonObject | undefined,
): Record<string, unknown> {
  const apart = readCompaction(raw?.["iterations"], []);
  const cacheRead = (usage?.cacheReadInputTokens ?? 0n) - (apart.read ?? 0n);
  const written = (usage?.cacheWriteInputTokens ?? 0n) - (apart.written ?? 0n);
  const input = (usage?.inputTokens ?? 0n) - (apart.plain ?? 0n) - (apart.cached ?? 0n);
  const output = (usage?.outputTokens ?? 0n) - (apart.output ?? 0n);
  const body: Record<string, unknown> = {
    input_tokens: numberOf(input - cacheRead - written),
    cache_creation_input_tokens: numberOf(written),
    cache_read_input_tokens: numberOf(cacheRead),
    output_tokens: numberOf(output),
  };
  const long = usage?.cacheWrite1hInputTokens;
  const written1h = long === undefined ? undefined : long - (apart.written1h ?? 0n);
  if (written1h !== undefined) {
    body["cache_creation"] = {
      ephemeral_5m_input_tokens: numberOf(written - written1h),
      ephemeral_1h_input_tokens: numberOf(written1h),
    };
  }
  const thinking = usage?.reasoningOutputTokens;
  if (thinking !== undefined) {
    body["output_tokens_details"] = { thinking_tokens: Number(thinking) };
  }
  for (const field of carriedFields) if (raw?.[field] != null) body[field] = raw[field];
  return body;
}

function readCount(value: unknown, name: string, refused: string[]): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 0) return 0n;
  if (isToldCount(value)) return BigInt(value);
  refused.push(name);
  return undefined;
}

function countIn(from: unknown, name: string, refused: string[]): bigint | undefined {
  return isJsonObject(from) ? readCount(from[name], name, refused) : undefined;
}

function numberOf(count: bigint): number {
  return Number(count > 0n ? count : 0n);
}

/** Undefined where neither is known. */
function sum(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (!one) return other ?? one;
  return other ? one + other : one;
}

function largest(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
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
