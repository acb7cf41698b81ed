import { UsageSource, type TokenUsage } from "@penstock/api";
import type { JsonObject } from "../format.ts";
import { isJsonObject } from "../read-json.ts";

/** A usage object as read: the counts if believable, the raw object, and what was wrong. */
export interface ReadUsage {
  usage: TokenUsage | undefined;
  raw: JsonObject | undefined;
  warnings: string[];
}

/**
 * Reads a usage object. Their `input_tokens` are those beside the cache; ours are all. A count that
 * is no whole number from zero to 2^53 - 1 refuses the whole object, since money depends on it; a
 * detail larger than its total is left out. Both are warned of. Absent counts stay absent.
 */
export function readUsage(value: unknown): ReadUsage {
  if (!isJsonObject(value)) {
    const warnings = value == null ? [] : ["usage_refused: not an object"];
    return { usage: undefined, raw: undefined, warnings };
  }
  const refused: string[] = [];
  const count = (from: unknown, name: string): bigint | undefined =>
    readCount(isJsonObject(from) ? from[name] : undefined, name, refused);
  const created = value["cache_creation"];
  const plain = count(value, "input_tokens");
  const cacheRead = count(value, "cache_read_input_tokens");
  const written = count(value, "cache_creation_input_tokens");
  const written5m = count(created, "ephemeral_5m_input_tokens");
  const written1h = count(created, "ephemeral_1h_input_tokens");
  const output = count(value, "output_tokens");
  const thinking = count(value["output_tokens_details"], "thinking_tokens");
  if (refused.length > 0) {
    return { usage: undefined, raw: undefined, warnings: [`usage_refused: ${refused.join(", ")}`] };
  }
  const raw = value as JsonObject;
  if (plain === undefined && output === undefined) return { usage: undefined, raw, warnings: [] };
  const cacheWritten = largest(written, sum(written5m, written1h));
  const warnings: string[] = [];
  const usage: TokenUsage = {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: sum(plain, cacheRead, cacheWritten),
    cacheReadInputTokens: cacheRead,
    cacheWriteInputTokens: cacheWritten,
    outputTokens: output,
    reasoningOutputTokens: within(thinking, output, "thinking_tokens", warnings),
    source: UsageSource.REPORTED,
  };
  if (written1h !== undefined) usage.cacheWrite1hInputTokens = written1h;
  return { usage, raw, warnings };
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
const carriedFields = ["server_tool_use", "service_tier", "inference_geo", "speed"] as const;

/** Writes usage for a caller; counts that are not known are told as zero. */
export function writeUsage(
  usage: TokenUsage | undefined,
  raw: JsonObject | undefined,
): Record<string, unknown> {
  const cacheRead = usage?.cacheReadInputTokens ?? 0n;
  const written = usage?.cacheWriteInputTokens ?? 0n;
  const plain = (usage?.inputTokens ?? 0n) - cacheRead - written;
  const body: Record<string, unknown> = {
    input_tokens: Number(plain > 0n ? plain : 0n),
    cache_creation_input_tokens: Number(written),
    cache_read_input_tokens: Number(cacheRead),
    output_tokens: Number(usage?.outputTokens ?? 0n),
  };
  const written1h = usage?.cacheWrite1hInputTokens;
  if (written1h !== undefined) {
    const rest = written - written1h;
    body["cache_creation"] = {
      ephemeral_5m_input_tokens: Number(rest > 0n ? rest : 0n),
      ephemeral_1h_input_tokens: Number(written1h),
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
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  refused.push(name);
  return undefined;
}

function sum(...counts: readonly (bigint | undefined)[]): bigint | undefined {
  let total: bigint | undefined;
  for (const count of counts) if (count !== undefined) total = (total ?? 0n) + count;
  return total;
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
