import { describe, expect, it } from "vitest";
import { anthropic } from "./anthropic/anthropic.ts";
import { readRateLimits } from "./rate-limit-headers.ts";

function read(headers: Record<string, string>): ReturnType<typeof readRateLimits> {
  return readRateLimits((name) => headers[name]);
}

describe("readRateLimits", () => {
  it("reads OpenAI's documented headers", () => {
    expect(
      read({
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
      }),
    ).toEqual({
      requests: { limit: 60, remaining: 59, resetMs: 1_000 },
      tokens: { limit: 150_000, remaining: 149_984, resetMs: 360_000 },
    });
  });

  // The page "Rate limits" of Anthropic's documentation: resets are times, in RFC 3339.
  it("reads Anthropic's documented headers, whose resets count from the answer's date", () => {
    const headers: Record<string, string> = {
      date: "Mon, 23 Nov 2026 15:00:00 GMT",
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-requests-reset": "2026-11-23T15:00:12Z",
      "anthropic-ratelimit-tokens-limit": "80000",
      "anthropic-ratelimit-tokens-remaining": "79000",
      "anthropic-ratelimit-tokens-reset": "2026-11-23T14:59:59Z",
    };
    const told = (name: string): string | undefined => headers[name];
    expect(readRateLimits(told, anthropic.rateLimits)).toEqual({
      requests: { limit: 50, remaining: 0, resetMs: 12_000 },
      tokens: { limit: 80_000, remaining: 79_000, resetMs: 0 },
    });
    delete headers["date"];
    expect(readRateLimits(told, anthropic.rateLimits).requests?.resetMs).toBeUndefined();
  });

  it("leaves out what is not there or not believable", () => {
    expect(read({})).toEqual({ requests: undefined, tokens: undefined });
    expect(
      read({
        "x-ratelimit-limit-requests": "-5",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "99999999h",
      }).requests,
    ).toEqual({ limit: undefined, remaining: 7, resetMs: undefined });
  });
});
