import { parseDuration, type HeaderGetter } from "@penstock/formats";
import type { LimitHeaders, RateLimitHeaders } from "./provider.ts";

/** What a provider tells about one of its limits. Undefined: not said, or not believable. */
export interface ProviderLimit {
  /** Amount per window. */
  limit: number | undefined;
  /** What is left in the window. */
  remaining: number | undefined;
  /** Time until the window is full again. Unit: milliseconds. */
  resetMs: number | undefined;
}

/** What a provider tells about its limits beside an answer. */
export interface ProviderLimits {
  requests: ProviderLimit | undefined;
  tokens: ProviderLimit | undefined;
}

/** Longer windows are not believed. Unit: milliseconds. */
const maxResetMs = 31 * 86_400_000;

/** The headers of OpenAI, which others took over. */
export const openaiRateLimits: RateLimitHeaders = {
  requests: {
    limit: "x-ratelimit-limit-requests",
    remaining: "x-ratelimit-remaining-requests",
    reset: "x-ratelimit-reset-requests",
  },
  tokens: {
    limit: "x-ratelimit-limit-tokens",
    remaining: "x-ratelimit-remaining-tokens",
    reset: "x-ratelimit-reset-tokens",
  },
};

/** Reads what a vendor tells of its limits; what it does not tell is undefined. */
export function readRateLimits(
  header: HeaderGetter,
  names: RateLimitHeaders = openaiRateLimits,
): ProviderLimits {
  return { requests: readLimit(header, names.requests), tokens: readLimit(header, names.tokens) };
}

function readLimit(
  header: HeaderGetter,
  names: LimitHeaders | undefined,
): ProviderLimit | undefined {
  if (names === undefined) return undefined;
  const limit = readCount(header(names.limit));
  const remaining = readCount(header(names.remaining));
  const resetMs = names.reset === undefined ? undefined : readReset(names.reset, header);
  if (limit === undefined && remaining === undefined && resetMs === undefined) return undefined;
  return { limit, remaining, resetMs };
}

function readCount(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : undefined;
}

function readReset(name: string, header: HeaderGetter): number | undefined {
  const trimmed = header(name)?.trim() ?? "";
  const resetMs = timeOfDay.test(trimmed) ? untilTime(trimmed, header) : lengthOf(trimmed);
  return resetMs !== undefined && resetMs <= maxResetMs ? Math.ceil(resetMs) : undefined;
}

const timeOfDay = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** From the moment at which the provider says it has answered: its clock is not ours. */
function untilTime(text: string, header: HeaderGetter): number | undefined {
  const untilMs = Date.parse(text) - Date.parse(header("date") ?? "");
  return Number.isFinite(untilMs) ? Math.max(0, untilMs) : undefined;
}

function lengthOf(text: string): number | undefined {
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) * 1_000 : parseDuration(text);
}
