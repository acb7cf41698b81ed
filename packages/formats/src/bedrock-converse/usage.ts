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

const countNames = [
  "inputTokens",
  "outputTokens",
  "cacheReadInputTokens",
  "cacheWriteInputTokens",
] as const;

/**
 * Reads a usage object. What was read from the cache or written to it stands beside `inputTokens`
 * there, while the canonical input includes both. A count that is no whole number from zero to
 * 10^8 refuses the whole object, since money depends on it; that is warned of.
 */
export function readUsage(value: unknown): ReadUsage {
  if (!isJsonObject(value)) {
    const warnings = value == null ? [] : ["usage_refused: not an object"];
    return { usage: undefined, raw: undefined, warnings };
  }
  const refused = countNames.filter((name) => value[name] != null && !isToldCount(value[name]));
  if (refused.length > 0) {
    return { usage: undefined, raw: undefined, warnings: [`usage_refused: ${refused.join(", ")}`] };
  }
  const raw = value as JsonObject;
  const [input, output, read, written] = countNames.map((name) => countOf(value[name]));
  if (input === undefined && output === undefined) return { usage: undefined, raw, warnings: [] };
  const { hour, warnings } = readHourLong(value["cacheDetails"], written);
  const usage: TokenUsage = {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: input === undefined ? undefined : input + (read ?? 0n) + (written ?? 0n),
    cacheReadInputTokens: read,
    cacheWriteInputTokens: written,
    cacheWrite1hInputTokens: hour,
    outputTokens: output,
    source: UsageSource.REPORTED,
  };
  if (!isToldSum(usage.inputTokens)) {
    return { usage: undefined, raw: undefined, warnings: ["usage_refused: inputTokens"] };
  }
  return { usage, raw, warnings };
}

/** Of the tokens written, those kept for an hour, which have a price of their own. */
function readHourLong(
  details: unknown,
  written: bigint | undefined,
): { hour: bigint | undefined; warnings: string[] } {
  if (!Array.isArray(details)) return { hour: undefined, warnings: [] };
  let hour: bigint | undefined;
  for (const detail of details) {
    if (!isJsonObject(detail) || detail["ttl"] !== "1h") continue;
    const count = countOf(detail["inputTokens"]);
    if (count !== undefined) hour = (hour ?? 0n) + count;
  }
  if (hour === undefined || hour <= (written ?? 0n)) return { hour, warnings: [] };
  return { hour: undefined, warnings: ["usage_detail_refused: cacheDetails"] };
}

function countOf(value: unknown): bigint | undefined {
  return isToldCount(value) ? BigInt(value) : undefined;
}

/** Writes usage for a caller; counts that are not known are told as zero or left out. */
export function writeUsage(usage: TokenUsage): Record<string, unknown> {
  const { cacheReadInputTokens: read, cacheWriteInputTokens: written } = usage;
  const hour = usage.cacheWrite1hInputTokens;
  const all = usage.inputTokens ?? 0n;
  const cached = (read ?? 0n) + (written ?? 0n);
  const output = usage.outputTokens ?? 0n;
  return {
    inputTokens: Number(all > cached ? all - cached : 0n),
    outputTokens: Number(output),
    totalTokens: Number(all + output),
    cacheReadInputTokens: read === undefined ? undefined : Number(read),
    cacheWriteInputTokens: written === undefined ? undefined : Number(written),
    cacheDetails: hour === undefined ? undefined : cacheDetails(hour, written ?? 0n),
  };
}

function cacheDetails(hour: bigint, written: bigint): Record<string, unknown>[] {
  const details = [{ ttl: "1h", inputTokens: Number(hour) }];
  if (written > hour) details.push({ ttl: "5m", inputTokens: Number(written - hour) });
  return details;
}
