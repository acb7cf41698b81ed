import type { HeaderGetter } from "./upstream-failure.ts";

/** Wait assumed when a provider names one that can't be meant (security.md U95). */
const defaultRetryAfterMs = 5_000;
/** Longest wait believed (provider-failures.md 5.1). */
const maxRetryAfterMs = 86_400_000;

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const httpDate = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT$/;

/**
 * Wait that a provider asks for, from `retry-after-ms`, `retry-after` (seconds, a duration or an
 * HTTP date) or the reset of an exhausted limit. Undefined when it says nothing; 5 s when what it
 * says can't be meant. `nowMs` is wall time. Unit: milliseconds.
 */
export function parseRetryAfter(header: HeaderGetter, nowMs: number): number | undefined {
  const milliseconds = header("retry-after-ms")?.trim();
  if (milliseconds !== undefined) return believable(decimal(milliseconds));
  const retryAfter = header("retry-after")?.trim();
  if (retryAfter !== undefined) return believable(readWait(retryAfter, nowMs));
  return readResets(header, nowMs);
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

function readResets(header: HeaderGetter, nowMs: number): number | undefined {
  const exhausted: number[] = [];
  const others: number[] = [];
  for (const resource of ["requests", "tokens"]) {
    const text = header(`x-ratelimit-reset-${resource}`)?.trim();
    if (text === undefined) continue;
    const waitMs = believable(readReset(text, nowMs));
    const remaining = header(`x-ratelimit-remaining-${resource}`)?.trim();
    (remaining === "0" ? exhausted : others).push(waitMs);
  }
  if (exhausted.length > 0) return Math.max(...exhausted);
  return others.length > 0 ? Math.min(...others) : undefined;
}

/** A reset is a duration or seconds; a number of that size is a time since 1970. */
function readReset(text: string, nowMs: number): number | undefined {
  const value = decimal(text);
  if (value === undefined) return parseDuration(text) ?? readDate(text, nowMs);
  if (value > 1e12) return Math.max(0, value - nowMs);
  return value > 1e9 ? Math.max(0, value * 1_000 - nowMs) : value * 1_000;
}

function believable(waitMs: number | undefined): number {
  if (waitMs === undefined || !(waitMs >= 0) || waitMs > maxRetryAfterMs) {
    return defaultRetryAfterMs;
  }
  return Math.ceil(waitMs);
}
