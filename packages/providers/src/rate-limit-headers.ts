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
  const resetMs = names.reset === undefined ? undefined : readReset(header(names.reset));
  if (limit === undefined && remaining === undefined && resetMs === undefined) return undefined;
  return { limit, remaining, resetMs };
}

function readCount(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : undefined;
}

function readReset(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  const resetMs = /^\d{1,9}(\.\d{1,9})?$/.test(trimmed)
    ? Number(trimmed) * 1_000
    : parseDuration(trimmed);
  return resetMs !== undefined && resetMs <= maxResetMs ? Math.ceil(resetMs) : undefined;
}
