import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { addTokenCounts, checkTokenCounts, maximumTokenCount, noTokens } from "./token-usage.ts";
import type { TokenCounts } from "./token-usage.ts";

describe("checkTokenCounts", () => {
  it("passes proper counts on, from numbers and from int64 fields", () => {
    const reported = { inputTokens: 10, outputTokens: 5, cacheReadInputTokens: 4 };
    const { counts, problems } = checkTokenCounts(reported);
    expect(counts).toEqual({ ...noTokens, ...reported });
    expect(problems).toEqual([]);
    expect(checkTokenCounts({ inputTokens: 10n, audioInputTokens: 0n }).counts).toEqual({
      ...noTokens,
      inputTokens: 10,
      audioInputTokens: 0,
    });
  });

  it("counts nonsense as nothing and says so", () => {
    for (const nonsense of ["5", -1, 1.5, Number.NaN, Infinity, -5n, true, {}, [3]]) {
      const { counts, problems } = checkTokenCounts({ inputTokens: nonsense, outputTokens: 2 });
      expect(counts).toEqual({ ...noTokens, outputTokens: 2 });
      expect(problems).toEqual([{ field: "inputTokens", fault: "malformed" }]);
    }
  });

  it("cuts what is beyond belief and parts beyond their total", () => {
    const huge = checkTokenCounts({ outputTokens: 1e300, reasoningOutputTokens: 2n ** 80n });
    expect(huge.counts.outputTokens).toBe(maximumTokenCount);
    expect(huge.problems.map((one) => one.fault)).toEqual(["too_large", "too_large"]);
    const parts = { inputTokens: 10, cacheReadInputTokens: 8, cacheWriteInputTokens: 8 };
    const { counts, problems } = checkTokenCounts(parts);
    expect(counts).toMatchObject({ ...parts, cacheWriteInputTokens: 2 });
    expect(problems).toEqual([{ field: "cacheWriteInputTokens", fault: "exceeds_total" }]);
  });

  it("makes anything safe, and leaves safe counts alone", () => {
    const fields = Object.keys(noTokens).concat("audioInputTokens", "audioOutputTokens");
    const value = fc.oneof(fc.anything(), fc.integer(), fc.nat({ max: 30 }), fc.bigInt());
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...fields), value), (reported) => {
        const { counts } = checkTokenCounts(reported);
        for (const count of Object.values(counts)) {
          expect(Number.isInteger(count) && count >= 0 && count <= maximumTokenCount).toBe(true);
        }
        const cached = counts.cacheReadInputTokens + counts.cacheWriteInputTokens;
        expect(cached).toBeLessThanOrEqual(counts.inputTokens);
        expect(counts.reasoningOutputTokens).toBeLessThanOrEqual(counts.outputTokens);
        const again = checkTokenCounts(counts as TokenCounts);
        expect(again).toEqual({ counts, problems: [] });
      }),
    );
  });
});

describe("addTokenCounts", () => {
  it("sums each class and keeps audio absent where nobody reported it", () => {
    const one = { ...noTokens, inputTokens: 3, cacheReadInputTokens: 1 };
    const two = { ...noTokens, inputTokens: 4, outputTokens: 9, audioOutputTokens: 2 };
    expect(addTokenCounts(one, two)).toEqual({
      ...noTokens,
      inputTokens: 7,
      cacheReadInputTokens: 1,
      outputTokens: 9,
      audioOutputTokens: 2,
    });
    expect(addTokenCounts(one, noTokens)).toEqual(one);
  });
});
