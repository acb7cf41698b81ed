import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { estimateOutputTokensFromBytes, estimateUsage } from "./estimate-usage.ts";
import { maximumTokenCount } from "./token-usage.ts";

const invalid = expect.objectContaining({ reason: "FIELD_INVALID" });

describe("estimateUsage", () => {
  it("takes bytes / 3.6 rounded up and the maximum for each candidate", () => {
    const asked = { requestBytes: 36, requestedMaxOutputTokens: 100, candidateCount: 2 };
    expect(estimateUsage(asked)).toEqual({
      inputTokens: 10,
      outputTokens: 200,
      mostOutputTokens: 200,
    });
    expect(estimateUsage({ requestBytes: 37 })).toEqual({
      inputTokens: 11,
      outputTokens: 1_024,
      mostOutputTokens: maximumTokenCount,
    });
    const calibrated = { requestBytes: 10, bytesPerToken: 2.5, defaultMaxOutputTokens: 7 };
    expect(estimateUsage(calibrated)).toMatchObject({ inputTokens: 4, outputTokens: 7 });
    expect(estimateUsage({ requestBytes: 0, requestedMaxOutputTokens: 0 })).toEqual({
      inputTokens: 0,
      outputTokens: 0,
      mostOutputTokens: 0,
    });
  });

  it("stops at what is believable", () => {
    const huge = Number.MAX_SAFE_INTEGER;
    expect(
      estimateUsage({ requestBytes: huge, requestedMaxOutputTokens: huge, candidateCount: huge }),
    ).toMatchObject({ inputTokens: maximumTokenCount, outputTokens: maximumTokenCount });
  });

  it("refuses what could make a negative reservation", () => {
    for (const bad of [-1, 0.5, Number.NaN, Infinity]) {
      expect(() => estimateUsage({ requestBytes: bad }), `${bad}`).toThrow(invalid);
      const output = { requestBytes: 1, requestedMaxOutputTokens: bad };
      expect(() => estimateUsage(output), `${bad}`).toThrow(invalid);
      expect(() => estimateUsage({ requestBytes: 1, candidateCount: bad }), `${bad}`).toThrow(
        invalid,
      );
    }
    for (const bytesPerToken of [0, -3, Number.NaN, Infinity, 1e-9, 1001]) {
      expect(() => estimateOutputTokensFromBytes(1, bytesPerToken)).toThrow(invalid);
    }
  });

  it("is the exact quotient rounded up", () => {
    const bytes = fc.nat({ max: 33_554_432 });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 500, max: 20_000 }), (size, thousandths) => {
        const tokens = BigInt(estimateOutputTokensFromBytes(size, thousandths / 1000));
        const scaled = BigInt(size) * 1000n;
        expect(tokens * BigInt(thousandths)).toBeGreaterThanOrEqual(scaled);
        if (tokens > 0n) expect((tokens - 1n) * BigInt(thousandths)).toBeLessThan(scaled);
      }),
    );
  });
});
