import { describe, expect, it } from "vitest";
import {
  parseDuration,
  parseLimitReset,
  parseProseWait,
  parseRetryAfter,
  parseRetryInfo,
} from "./retry-after.ts";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);

function wait(headers: Record<string, string>): number | undefined {
  const header = (name: string): string | undefined => headers[name];
  return parseRetryAfter(header, nowMs) ?? parseLimitReset(header, nowMs);
}

describe("parseRetryAfter and parseLimitReset", () => {
  it.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": " 0.25 " }, 250],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "46s" }, 46_000],
    [{ "retry-after": "Fri, 02 Jan 2026 03:04:35 GMT" }, 30_000],
    [{ "retry-after": "Fri, 02 Jan 2026 03:04:00 GMT" }, 0],
    [{ "retry-after-ms": "1500", "retry-after": "9" }, 1_500],
    [{ "x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s" }, 1_000],
    [
      {
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-tokens": "6m0s",
        "x-ratelimit-remaining-tokens": "0",
      },
      360_000,
    ],
    [{ "x-ratelimit-reset-tokens": String(nowMs / 1_000 + 12) }, 12_000],
    [
      {
        "anthropic-ratelimit-requests-remaining": "3",
        "anthropic-ratelimit-requests-reset": "2026-01-02T03:04:06Z",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-01-02T03:05:05Z",
      },
      60_000,
    ],
    // A limit by the month is asked about again after a day.
    [{ "retry-after": "172800" }, 86_400_000],
    // What can't be meant is the default (security.md U95).
    [{ "retry-after": "-1" }, 5_000],
    [{ "retry-after": "99999999999" }, 5_000],
    [{ "retry-after": "Wed, 31 Feb" }, 5_000],
    [{ "retry-after": "Sat, 31 Feb 2026 00:00:00 GMT" }, 5_000],
    [{ "retry-after": "NaN" }, 5_000],
    [{ "retry-after": "" }, 5_000],
    [{ "retry-after": "1e3" }, 5_000],
    [{ "retry-after-ms": "-5" }, 5_000],
    [{ "x-ratelimit-reset-tokens": "soon" }, 5_000],
  ])("%j is %s", (headers, expected) => {
    expect(wait(headers)).toBe(expected);
  });
});

describe("parseDuration", () => {
  it.each<[string, number | undefined]>([
    ["250ms", 250],
    ["1h2m3.5s", 3_723_500],
    ["1d", 86_400_000],
    ["", undefined],
    ["5", undefined],
    ["s", undefined],
    ["1s!", undefined],
  ])("%s is %s", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });
});

describe("parseProseWait", () => {
  it.each<[string, number | undefined]>([
    ["Daily limit reached; try again in 9h", 32_400_000],
    ["Please try again in 1m26.4s. Visit the page of limits.", 86_400],
    ["Please try again in 20ms.", 20],
    ["Please retry in 46.3s.", 46_300],
    ["Retry after 1 hour, 20 minutes and some patience", 4_800_000],
    ["retry after 30 seconds", 30_000],
    ["try again in 3 days", 86_400_000],
    ["try again in 99 days", 5_000],
    ["try again in 5 moons", undefined],
    ["try again later", undefined],
    ["1h", undefined],
    ["", undefined],
  ])("%s is %s", (text, expected) => {
    expect(parseProseWait(text)).toBe(expected);
  });
});

describe("parseRetryInfo", () => {
  it.each<[unknown, number | undefined]>([
    [[{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "46s" }], 46_000],
    [[{ reason: "x" }, { retryDelay: "0.5s" }], 500],
    [[{ retryDelay: "soon" }], 5_000],
    [[{ reason: "x" }], undefined],
    [{ retryDelay: "1s" }, undefined],
    [undefined, undefined],
  ])("%j is %s", (details, expected) => {
    expect(parseRetryInfo(details)).toBe(expected);
  });
});
