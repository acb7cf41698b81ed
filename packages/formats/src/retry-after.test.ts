import { describe, expect, it } from "vitest";
import { parseDuration, parseRetryAfter } from "./retry-after.ts";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);

function wait(headers: Record<string, string>): number | undefined {
  return parseRetryAfter((name) => headers[name], nowMs);
}

describe("parseRetryAfter", () => {
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
