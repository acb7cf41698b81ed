import { isJsonObject } from "./read-json.ts";
import type { HeaderGetter } from "./upstream-failure.ts";

/** Wait assumed when a provider names one that can't be meant (security.md U95). */
const defaultRetryAfterMs = 5_000;
/** Longest wait kept to (provider-failures.md 5.1); what is longer is asked again after it. */
const maxRetryAfterMs = 86_400_000;
/** Limits by the month exist; what is longer can't be meant. */
const maxBelievedMs = 31 * 86_400_000;

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const httpDate = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT$/;

/**
 * Wait that a provider asks for, from `retry-after-ms` or `retry-after` (seconds, a duration or an
 * HTTP date). Undefined when it says nothing; 5 s when what it says can't be meant; never more than
 * a day. `nowMs` is wall time. Unit: milliseconds.
 */
export function parseRetryAfter(header: HeaderGetter, nowMs: number): number | undefined {
  const milliseconds = header("retry-after-ms")?.trim();
  if (milliseconds !== undefined) return believable(decimal(milliseconds));
  const retryAfter = header("retry-after")?.trim();
  return retryAfter === undefined ? undefined : believable(readWait(retryAfter, nowMs));
}

const proseWait =
  /\b(?:try again|retry)(?: again)? (?:in|after) ((?:\d{1,9}(?:\.\d{1,9})? ?[a-z]{1,12},? ?){1,4})/i;
const proseUnits: readonly (readonly [RegExp, number])[] = [
  [/^(?:ms|msecs?|milliseconds?)$/, 1],
  [/^(?:s|secs?|seconds?)$/, 1_000],
  [/^(?:m|mins?|minutes?)$/, 60_000],
  [/^(?:h|hrs?|hours?)$/, 3_600_000],
  [/^(?:d|days?)$/, 86_400_000],
];

/** Wait that only words tell, such as "try again in 9h" or "retry after 30 seconds". In ms. */
export function parseProseWait(text: string): number | undefined {
  const [, told = ""] = proseWait.exec(text) ?? [];
  let sumMs: number | undefined;
  for (const [, amount, unit = ""] of told.matchAll(/(\d+(?:\.\d+)?) ?([a-z]+)/gi)) {
    const known = proseUnits.find(([form]) => form.test(unit.toLowerCase()));
    // "in 5 seconds or" ends at the first word that is no unit.
    if (known === undefined) break;
    sumMs = (sumMs ?? 0) + Number(amount) * known[1];
  }
  return sumMs === undefined ? undefined : believable(sumMs);
}

/** Wait of a google.rpc.RetryInfo among the details of an error body. In ms. */
export function parseRetryInfo(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details.slice(0, 32) as unknown[]) {
    const delay = isJsonObject(detail) ? detail["retryDelay"] : undefined;
    if (typeof delay === "string") return believable(parseDuration(delay.trim()));
  }
  return undefined;
}

/** Duration such as `46s`, `6m0s`, `1h2m3.5s`, `250ms`; undefined when it is none. In ms. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 64 || !/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    sumMs += Number(amount) * (unitMs[unit ?? ""] ?? 0);
  }
  return sumMs;
}

function readWait(text: string, nowMs: number): number | undefined {
  const seconds = decimal(text);
  if (seconds !== undefined) return seconds * 1_000;
  return parseDuration(text) ?? readDate(text, nowMs);
}

function decimal(text: string): number | undefined {
  return /^\d{1,15}(?:\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}

function readDate(text: string, nowMs: number): number | undefined {
  const match = httpDate.exec(text);
  if (match === null) return undefined;
  const timeMs = Date.parse(text);
  // The engine turns 31 Feb into 3 Mar; a date that does not survive the round trip is none.
  if (Number.isNaN(timeMs) || !new Date(timeMs).toUTCString().includes(`${match[1]} ${match[2]}`)) {
    return undefined;
  }
  return Math.max(0, timeMs - nowMs);
}

/** Headers of the limits that providers tell of: what is left, and when it is full again. */
const limitHeaders: readonly (readonly [remaining: string, reset: string])[] = [
  ["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
  ["x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
  ["x-ratelimit-remaining", "x-ratelimit-reset"],
  ...["requests", "tokens", "input-tokens", "output-tokens"].map(
    (resource): readonly [string, string] => [
      `anthropic-ratelimit-${resource}-remaining`,
      `anthropic-ratelimit-${resource}-reset`,
    ],
  ),
];

/**
 * Wait until a limit has room again, from the headers that tell of limits beside every answer: they
 * mean a wait only where a limit was the cause. Otherwise like `parseRetryAfter`.
 */
export function parseLimitReset(header: HeaderGetter, nowMs: number): number | undefined {
  const exhausted: number[] = [];
  const others: number[] = [];
  for (const [remaining, reset] of limitHeaders) {
    const text = header(reset)?.trim();
    if (text === undefined) continue;
    const waitMs = believable(readReset(text, nowMs));
    (header(remaining)?.trim() === "0" ? exhausted : others).push(waitMs);
  }
  if (exhausted.length > 0) return Math.max(...exhausted);
  return others.length > 0 ? Math.min(...others) : undefined;
}

/** A reset is a duration or seconds; a number of that size is a time since 1970. */
function readReset(text: string, nowMs: number): number | undefined {
  const value = decimal(text);
  if (value === undefined) {
    return parseDuration(text) ?? readDate(text, nowMs) ?? readTimestamp(text, nowMs);
  }
  if (value > 1e12) return Math.max(0, value - nowMs);
  return value > 1e9 ? Math.max(0, value * 1_000 - nowMs) : value * 1_000;
}

/** A time by RFC 3339 in UTC or with an offset. */
function readTimestamp(text: string, nowMs: number): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : Math.max(0, timeMs - nowMs);
}

function believable(waitMs: number | undefined): number {
  if (waitMs === undefined || !(waitMs >= 0) || waitMs > maxBelievedMs) return defaultRetryAfterMs;
  return Math.min(maxRetryAfterMs, Math.ceil(waitMs));
}
