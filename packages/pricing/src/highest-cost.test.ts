import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { highestCost } from "./highest-cost.ts";
import type { ModelPrices, TokenPrices } from "./model-prices.ts";
import { sortVariants } from "./price-variants.ts";
import { rateUsage } from "./rate-usage.ts";

const price = fc.bigInt({ min: 0n, max: 10n ** 12n });
const tokenPrices: fc.Arbitrary<TokenPrices> = fc.record(
  {
    inputNanoUsdPerMillionTokens: price,
    outputNanoUsdPerMillionTokens: price,
    cacheReadInputNanoUsdPerMillionTokens: price,
    cacheWriteInputNanoUsdPerMillionTokens: price,
    cacheWrite1hInputNanoUsdPerMillionTokens: price,
    reasoningOutputNanoUsdPerMillionTokens: price,
    requestNanoUsd: price,
    audioInputNanoUsdPerMillionTokens: price,
    audioOutputNanoUsdPerMillionTokens: price,
    audioCacheReadInputNanoUsdPerMillionTokens: price,
    imageInputNanoUsdPerMillionTokens: price,
    imageOutputNanoUsdPerMillionTokens: price,
  },
  { requiredKeys: ["inputNanoUsdPerMillionTokens", "outputNanoUsdPerMillionTokens"] },
);
const tiers = ["flex", "priority", "default"] as const;
const variants = fc.array(
  fc.tuple(tokenPrices, fc.constantFrom("", ...tiers), fc.option(fc.nat({ max: 400 }))),
  { maxLength: 6 },
);
const models = fc.tuple(tokenPrices, variants).map(([own, list]): ModelPrices => {
  const others = list.map(([prices, serviceTier, above]) => ({
    ...prices,
    serviceTier,
    ...(above === null ? {} : { aboveInputTokens: above }),
  }));
  return others.length === 0 ? own : { ...own, variants: sortVariants(others) };
});

/** Counts whose parts stay within their totals. */
const usages = fc.array(fc.nat({ max: 100 }), { minLength: 9, maxLength: 9 }).map((counts) => {
  const [plain = 0, read = 0, write = 0, hour = 0, text = 0, thought = 0] = counts;
  const inputTokens = plain + read + write + hour;
  const outputTokens = text + thought;
  return {
    inputTokens,
    outputTokens,
    cacheReadInputTokens: read,
    cacheWriteInputTokens: write + hour,
    cacheWrite1hInputTokens: hour,
    reasoningOutputTokens: thought,
    audioInputTokens: Math.min(counts[6] ?? 0, inputTokens),
    audioCacheReadInputTokens: Math.min(counts[7] ?? 0, read),
    imageInputTokens: Math.min(counts[8] ?? 0, inputTokens),
    audioOutputTokens: Math.min(counts[7] ?? 0, outputTokens),
    imageOutputTokens: Math.min(counts[8] ?? 0, outputTokens),
  };
});

describe("highestCost", () => {
  it("is exact where numbers end and bigints begin", () => {
    const most = BigInt(Number.MAX_SAFE_INTEGER);
    const tokens = fc.integer({ min: 1, max: 5_000_000 });
    const near = fc.bigInt({ min: -20_000_000n, max: 20_000_000n });
    const part = fc.bigInt({ min: 0n, max: most });
    fc.assert(
      fc.property(tokens, tokens, near, part, (inputTokens, outputTokens, by, ofInput) => {
        const input = ofInput / BigInt(inputTokens);
        const rest = most + by - input * BigInt(inputTokens);
        const output = rest < 0n ? 0n : rest / BigInt(outputTokens);
        const sum = input * BigInt(inputTokens) + output * BigInt(outputTokens);
        const bounds = { inputTokens, outputTokens, mostInputTokens: inputTokens };
        const cost = highestCost(
          { ...bounds, hasAudio: () => false, hasImages: () => false, mayServe: () => true },
          {
            inputNanoUsdPerMillionTokens: 0n,
            cacheWrite1hInputNanoUsdPerMillionTokens: input,
            outputNanoUsdPerMillionTokens: 0n,
            reasoningOutputNanoUsdPerMillionTokens: output,
            requestNanoUsd: 7n,
          },
        );
        expect(cost).toBe((sum + 500_000n) / 1_000_000n + 7n);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is never below the cost of a request within its bounds, by whichever tier served", () => {
    fc.assert(
      fc.property(models, usages, fc.constantFrom("", ...tiers), (model, usage, tier) => {
        const highest = highestCost(
          {
            inputTokens: usage.inputTokens,
            outputTokens: usage.outputTokens,
            mostInputTokens: usage.inputTokens,
            hasAudio: () => true,
            hasImages: () => true,
            mayServe: (name) => name === tier,
          },
          model,
        );
        expect(highest).toBeGreaterThanOrEqual(rateUsage(usage, model, tier));
      }),
      { numRuns: 2_000 },
    );
  });

  const usual = {
    inputTokens: 1_000_000,
    outputTokens: 0,
    mostInputTokens: 1_000_000,
    hasAudio: () => false,
    hasImages: () => false,
    mayServe: () => false,
  };
  const own = {
    inputNanoUsdPerMillionTokens: 2n,
    outputNanoUsdPerMillionTokens: 1n,
    audioInputNanoUsdPerMillionTokens: 7n,
    imageInputNanoUsdPerMillionTokens: 5n,
  };

  it("is exact beyond what numbers hold", () => {
    const dear = 10n ** 15n - 1n;
    const model = {
      inputNanoUsdPerMillionTokens: dear,
      outputNanoUsdPerMillionTokens: 1n,
      cacheWriteInputNanoUsdPerMillionTokens: 5n,
      requestNanoUsd: 3n,
    };
    const bounds = { ...usual, inputTokens: 99_999_999, outputTokens: 1 };
    const exact = (99_999_999n * dear + 1n + 500_000n) / 1_000_000n + 3n;
    expect(highestCost(bounds, model)).toBe(exact);
  });

  it("leaves out what the request can't be", () => {
    expect(highestCost(usual, own)).toBe(2n);
    expect(highestCost({ ...usual, hasImages: () => true }, own)).toBe(5n);
    expect(highestCost({ ...usual, hasAudio: () => true }, own)).toBe(7n);
    const priority = { ...own, serviceTier: "priority", inputNanoUsdPerMillionTokens: 4n };
    const large = { ...own, serviceTier: "", inputNanoUsdPerMillionTokens: 3n };
    const model = { ...own, variants: [priority, { ...large, aboveInputTokens: 1_000_000 }] };
    expect(highestCost(usual, model)).toBe(2n);
    expect(highestCost({ ...usual, mostInputTokens: 1_000_001 }, model)).toBe(3n);
    expect(highestCost({ ...usual, mayServe: (tier) => tier === "priority" }, model)).toBe(4n);
  });
});
