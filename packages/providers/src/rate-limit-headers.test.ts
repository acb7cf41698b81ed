import { describe, expect, it } from "vitest";
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
