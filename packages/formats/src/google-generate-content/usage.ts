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
  "promptTokenCount",
  "toolUsePromptTokenCount",
  "cachedContentTokenCount",
  "candidatesTokenCount",
  "thoughtsTokenCount",
  "totalTokenCount",
] as const;

type Counts = Partial<Record<(typeof countNames)[number], bigint>>;

/**
 * Reads `usageMetadata`. Proto JSON leaves zeros out, so that beside any count an absent one is
 * zero. A count that is no whole number up to 10^8 refuses the whole object, since money depends on it; a
 * detail larger than its total is left out. Both are warned of.
 */
export function readUsage(value: unknown): ReadUsage {
  if (!isJsonObject(value)) {
    const warnings = value == null ? [] : ["usage_refused: not an object"];
    return { usage: undefined, raw: undefined, warnings };
  }
  const refused: string[] = [];
  const counts: Counts = {};
  for (const name of countNames) {
    const count = readCount(value[name], name, refused);
    if (count !== undefined) counts[name] = count;
  }
  const { promptTokensDetails: prompt, candidatesTokensDetails: answer } = value;
  const audioInput = tokensOf("AUDIO", prompt, refused);
  const audioOutput = tokensOf("AUDIO", answer, refused);
  const audioRead = tokensOf("AUDIO", value["cacheTokensDetails"], refused);
  const imageInput = tokensOf("IMAGE", prompt, refused);
  const imageOutput = tokensOf("IMAGE", answer, refused);
  if (refused.length > 0) {
    return { usage: undefined, raw: undefined, warnings: [`usage_refused: ${refused.join(", ")}`] };
  }
  const raw = value as JsonObject;
  const { promptTokenCount, candidatesTokenCount, totalTokenCount } = counts;
  if ((promptTokenCount ?? candidatesTokenCount ?? totalTokenCount) === undefined) {
    return { usage: undefined, raw, warnings: [] };
  }
  const warnings: string[] = [];
  const input = (promptTokenCount ?? 0n) + (counts.toolUsePromptTokenCount ?? 0n);
  const output = outputOf(input, counts);
  if (!isToldSum(input) || !isToldSum(output)) {
    return { usage: undefined, raw: undefined, warnings: ["usage_refused: totalTokenCount"] };
  }
  const usage: TokenUsage = {
    $typeName: "penstock.type.v1.TokenUsage",
    inputTokens: input,
    cacheReadInputTokens: within(
      counts.cachedContentTokenCount,
      input,
      "cachedContentTokenCount",
      warnings,
    ),
    audioInputTokens: within(audioInput, input, "promptTokensDetails", warnings),
    outputTokens: output,
    reasoningOutputTokens: within(
      counts.thoughtsTokenCount,
      output,
      "thoughtsTokenCount",
      warnings,
    ),
    audioOutputTokens: within(audioOutput, output, "candidatesTokensDetails", warnings),
    source: UsageSource.REPORTED,
  };
  const read = within(audioRead, usage.audioInputTokens ?? 0n, "cacheTokensDetails", warnings);
  if (read !== undefined) usage.audioCacheReadInputTokens = read;
  const images = within(imageInput, input, "promptTokensDetails", warnings);
  if (images !== undefined) usage.imageInputTokens = images;
  const made = within(imageOutput, output, "candidatesTokensDetails", warnings);
  if (made !== undefined) usage.imageOutputTokens = made;
  return { usage, raw, warnings };
}

/** Longest name of a tier; unit: characters. */
const maximumTierLength = 64;
const onDemand = "ON_DEMAND";

/**
 * The tier that served, as the Gemini API names it: it tells it in `serviceTier`. Vertex AI has
 * `trafficType` for it (`ON_DEMAND`, `ON_DEMAND_PRIORITY`, `ON_DEMAND_FLEX`,
 * `PROVISIONED_THROUGHPUT`). Undefined: it was not told.
 */
export function servedTierOf(raw: JsonObject | undefined): string | undefined {
  if (raw === undefined) return undefined;
  const { serviceTier: tier, trafficType: traffic } = raw;
  if (typeof tier === "string" && tier !== "")
    return tier.toLowerCase().slice(0, maximumTierLength);
  if (typeof traffic !== "string" || traffic === "") return undefined;
  if (traffic === onDemand) return "standard";
  const name = traffic.startsWith(`${onDemand}_`) ? traffic.slice(onDemand.length + 1) : traffic;
  return name.toLowerCase().slice(0, maximumTierLength);
}

/** Thoughts are counted beside the candidates, unless the total says that they are among them. */
function outputOf(input: bigint, counts: Counts): bigint {
  const candidates = counts.candidatesTokenCount ?? 0n;
  const thoughts = counts.thoughtsTokenCount ?? 0n;
  const among = counts.totalTokenCount === input + candidates && thoughts <= candidates;
  return among ? candidates : candidates + thoughts;
}

function readCount(value: unknown, name: string, refused: string[]): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  if (isToldCount(value)) return BigInt(value);
  refused.push(name);
  return undefined;
}

/** Tokens of one modality in a list of counts by modality; undefined when it names none. */
function tokensOf(
  wanted: "AUDIO" | "IMAGE",
  value: unknown,
  refused: string[],
): bigint | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.filter(isJsonObject).find(({ modality }) => modality === wanted);
  return found && readCount(found["tokenCount"], "tokenCount", refused);
}

function within(
  part: bigint | undefined,
  whole: bigint,
  name: string,
  warnings: string[],
): bigint | undefined {
  if (part === undefined || part <= whole) return part;
  warnings.push(`usage_detail_refused: ${name}`);
  return undefined;
}

/** Writes usage for a caller; what is undefined is left out of the text. */
export function writeUsage(usage: TokenUsage): Record<string, unknown> {
  const input = Number(usage.inputTokens ?? 0n);
  const output = Number(usage.outputTokens ?? 0n);
  const thoughts = usage.reasoningOutputTokens;
  return {
    promptTokenCount: input,
    cachedContentTokenCount: numberOf(usage.cacheReadInputTokens),
    candidatesTokenCount: output - Number(thoughts ?? 0n),
    thoughtsTokenCount: numberOf(thoughts),
    totalTokenCount: input + output,
    promptTokensDetails: details(input, usage.audioInputTokens, usage.imageInputTokens),
    candidatesTokensDetails: details(output, usage.audioOutputTokens, usage.imageOutputTokens),
  };
}

function details(
  total: number,
  audio: bigint | undefined,
  images: bigint | undefined,
): unknown[] | undefined {
  if (audio === undefined && images === undefined) return undefined;
  const text = total - Number(audio ?? 0n) - Number(images ?? 0n);
  const list = [{ modality: "TEXT", tokenCount: Math.max(0, text) }];
  if (audio !== undefined) list.push({ modality: "AUDIO", tokenCount: Number(audio) });
  if (images !== undefined) list.push({ modality: "IMAGE", tokenCount: Number(images) });
  return list;
}

function numberOf(count: bigint | undefined): number | undefined {
  return count === undefined ? undefined : Number(count);
}
