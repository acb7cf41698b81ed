import { parseDuration, type HeaderGetter } from "@penstock/formats";

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

/** Reads `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; absent limits are undefined. */
export function readRateLimits(header: HeaderGetter): ProviderLimits {
  return { requests: readLimit(header, "requests"), tokens: readLimit(header, "tokens") };
}

function readLimit(header: HeaderGetter, resource: string): ProviderLimit | undefined {
  const limit = readCount(header(`x-ratelimit-limit-${resource}`));
  const remaining = readCount(header(`x-ratelimit-remaining-${resource}`));
  const resetMs = readReset(header(`x-ratelimit-reset-${resource}`));
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
