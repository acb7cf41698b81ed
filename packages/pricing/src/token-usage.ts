/**
 * Tokens of one attempt or request, by OpenTelemetry's counting rule: `inputTokens` includes cached
 * reads and writes, `outputTokens` includes reasoning, both include audio and images. Whole numbers
 * from 0 to `maximumTokenCount`.
 */
export interface TokenCounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Part of the input that was read from the provider's prompt cache. */
  readonly cacheReadInputTokens: number;
  /** Part of the input that was written to the provider's prompt cache. */
  readonly cacheWriteInputTokens: number;
  /** Part of what was written to the cache that is kept for an hour. */
  readonly cacheWrite1hInputTokens?: number;
  /** Part of the output that was reasoning. */
  readonly reasoningOutputTokens: number;
  /** Part of the input that was audio. */
  readonly audioInputTokens?: number;
  /** Part of the output that was audio. */
  readonly audioOutputTokens?: number;
  /** Part of the audio input that was read from the cache; absent: none is known of. */
  readonly audioCacheReadInputTokens?: number;
  /** Part of the input that was images, where they are counted apart. */
  readonly imageInputTokens?: number;
  /** Part of the output that was images, where they are counted apart. */
  readonly imageOutputTokens?: number;
}

/** The most tokens believed of one request (security R14); a provider that claims more is wrong. */
export const maximumTokenCount = 100_000_000;

/** No tokens at all. */
export const noTokens: TokenCounts = Object.freeze({
  inputTokens: 0,
  outputTokens: 0,
  cacheReadInputTokens: 0,
  cacheWriteInputTokens: 0,
  reasoningOutputTokens: 0,
});

/**
 * Why a reported count was not believed: `malformed` (no whole number of at least 0: it counts as
 * 0), `too_large` (counts as `maximumTokenCount`), `exceeds_total` (a part larger than its total:
 * cut to what the total leaves).
 */
export type TokenCountFault = "malformed" | "too_large" | "exceeds_total";

/** One count of a provider that was not believed. */
export interface TokenCountProblem {
  readonly field: keyof TokenCounts;
  readonly fault: TokenCountFault;
}

/** Counts that are safe to rate, and what had to be changed to make them so. */
export interface CheckedTokenCounts {
  readonly counts: TokenCounts;
  readonly problems: readonly TokenCountProblem[];
}

/**
 * Makes counts of a provider safe, whatever it sent: strings, negatives, fractions, NaN and
 * infinities count as 0, huge numbers as the maximum, and parts never exceed their total. Absent
 * (undefined, null) is 0 without a problem. Takes numbers (vendor JSON) and bigints (the message
 * TokenUsage, whose fields have the same names). Never throws; every change is listed in
 * `problems`, whose presence means the usage must be marked as not reported properly.
 */
export function checkTokenCounts(
  reported: Readonly<Partial<Record<keyof TokenCounts, unknown>>>,
): CheckedTokenCounts {
  let problems: TokenCountProblem[] | undefined;
  const read = (field: keyof TokenCounts, total: number): number => {
    const value = numberOf(reported[field]);
    if (value >= 0 && value <= total && Number.isInteger(value)) return value;
    const fault = faultOf(value);
    problems ??= [];
    problems.push({ field, fault });
    return fault === "malformed" ? 0 : total;
  };
  const inputTokens = read("inputTokens", maximumTokenCount);
  const outputTokens = read("outputTokens", maximumTokenCount);
  const cacheReadInputTokens = read("cacheReadInputTokens", inputTokens);
  const cacheWriteInputTokens = read("cacheWriteInputTokens", inputTokens - cacheReadInputTokens);
  const counts: WritableCounts = {
    inputTokens,
    outputTokens,
    cacheReadInputTokens,
    cacheWriteInputTokens,
    reasoningOutputTokens: read("reasoningOutputTokens", outputTokens),
  };
  // What most providers never tell is not there unless it was told.
  if (isTold(reported.cacheWrite1hInputTokens)) {
    counts.cacheWrite1hInputTokens = read("cacheWrite1hInputTokens", cacheWriteInputTokens);
  }
  if (isTold(reported.audioInputTokens)) {
    counts.audioInputTokens = read("audioInputTokens", inputTokens);
  }
  if (isTold(reported.audioOutputTokens)) {
    counts.audioOutputTokens = read("audioOutputTokens", outputTokens);
  }
  if (isTold(reported.audioCacheReadInputTokens)) {
    counts.audioCacheReadInputTokens = read("audioCacheReadInputTokens", cacheReadInputTokens);
  }
  if (isTold(reported.imageInputTokens)) {
    counts.imageInputTokens = read("imageInputTokens", inputTokens);
  }
  if (isTold(reported.imageOutputTokens)) {
    counts.imageOutputTokens = read("imageOutputTokens", outputTokens);
  }
  return { counts, problems: problems ?? none };
}

const none: readonly TokenCountProblem[] = Object.freeze([]);

type WritableCounts = { -readonly [field in keyof TokenCounts]: TokenCounts[field] };

function isTold(count: unknown): boolean {
  return count !== undefined && count !== null;
}

/** NaN for what is neither a number nor a bigint; 0 for what is absent. */
function numberOf(sent: unknown): number {
  if (typeof sent === "bigint") return sent === 0n ? 0 : Number(sent);
  if (typeof sent === "number") return sent;
  return isTold(sent) ? NaN : 0;
}

/** What is wrong with a count that is no whole number from 0 to its total. */
function faultOf(value: number): TokenCountFault {
  if (!Number.isInteger(value) || value < 0) return "malformed";
  return value > maximumTokenCount ? "too_large" : "exceeds_total";
}

/**
 * Sums two counts, as for the attempts of a request. Each sum stops at the largest safe integer;
 * what may be absent appears in the sum when it appears in either.
 */
export function addTokenCounts(a: TokenCounts, b: TokenCounts): TokenCounts {
  const sum: WritableCounts = {
    inputTokens: add(a.inputTokens, b.inputTokens),
    outputTokens: add(a.outputTokens, b.outputTokens),
    cacheReadInputTokens: add(a.cacheReadInputTokens, b.cacheReadInputTokens),
    cacheWriteInputTokens: add(a.cacheWriteInputTokens, b.cacheWriteInputTokens),
    reasoningOutputTokens: add(a.reasoningOutputTokens, b.reasoningOutputTokens),
  };
  for (const count of optionalCounts) {
    if (a[count] === undefined && b[count] === undefined) continue;
    sum[count] = add(a[count] ?? 0, b[count] ?? 0);
  }
  return sum;
}

const optionalCounts = [
  "cacheWrite1hInputTokens",
  "audioInputTokens",
  "audioOutputTokens",
  "audioCacheReadInputTokens",
  "imageInputTokens",
  "imageOutputTokens",
] as const;

function add(a: number, b: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, a + b);
}
