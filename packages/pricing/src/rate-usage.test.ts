import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { maximumNanoUsdPerMillionTokens, maximumRequestNanoUsd } from "./model-prices.ts";
import type { ModelPrices } from "./model-prices.ts";
import { maximumNanoUsd } from "./money.ts";
import { rateUsage } from "./rate-usage.ts";
import { maximumTokenCount, noTokens } from "./token-usage.ts";
import type { TokenCounts } from "./token-usage.ts";

const invalid = expect.objectContaining({ reason: "FIELD_INVALID" });
const tokens = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: maximumTokenCount / 4 }));
const price = fc.oneof(
  fc.bigInt({ min: 0n, max: 5n }),
  fc.bigInt({ min: 0n, max: maximumNanoUsdPerMillionTokens }),
);
const perRequest = fc.bigInt({ min: 0n, max: maximumRequestNanoUsd });

interface Classes {
  plainInput: number;
  read: number;
  write: number;
  write1h: number;
  plainOutput: number;
  reasoning: number;
}

const classes = fc.record<Classes>({
  plainInput: tokens,
  read: tokens,
  write: tokens,
  write1h: tokens,
  plainOutput: tokens,
  reasoning: tokens,
});
const prices: fc.Arbitrary<ModelPrices> = fc.record(
  {
    inputNanoUsdPerMillionTokens: price,
    outputNanoUsdPerMillionTokens: price,
    cacheReadInputNanoUsdPerMillionTokens: price,
    cacheWriteInputNanoUsdPerMillionTokens: price,
    cacheWrite1hInputNanoUsdPerMillionTokens: price,
    reasoningOutputNanoUsdPerMillionTokens: price,
    requestNanoUsd: perRequest,
  },
  { requiredKeys: ["inputNanoUsdPerMillionTokens", "outputNanoUsdPerMillionTokens"] },
);

const countsOf = (c: Classes): TokenCounts => ({
  inputTokens: c.plainInput + c.read + c.write + c.write1h,
  outputTokens: c.plainOutput + c.reasoning,
  cacheReadInputTokens: c.read,
  cacheWriteInputTokens: c.write + c.write1h,
  cacheWrite1hInputTokens: c.write1h,
  reasoningOutputTokens: c.reasoning,
});

/** Millionths of a nano-USD, without the price per request: the exact rational cost. */
function exactMillionths(c: Classes, p: ModelPrices): bigint {
  const input = p.inputNanoUsdPerMillionTokens;
  const output = p.outputNanoUsdPerMillionTokens;
  const written = p.cacheWriteInputNanoUsdPerMillionTokens ?? input;
  const pairs: [number, bigint][] = [
    [c.plainInput, input],
    [c.read, p.cacheReadInputNanoUsdPerMillionTokens ?? input],
    [c.write, written],
    [c.write1h, p.cacheWrite1hInputNanoUsdPerMillionTokens ?? written],
    [c.plainOutput, output],
    [c.reasoning, p.reasoningOutputNanoUsdPerMillionTokens ?? output],
  ];
  return pairs.reduce((sum, [count, each]) => sum + BigInt(count) * each, 0n);
}

describe("rateUsage", () => {
  it("prices each class once", () => {
    const usage = countsOf({
      plainInput: 600,
      read: 300,
      write: 100,
      write1h: 20,
      plainOutput: 40,
      reasoning: 10,
    });
    const book = {
      inputNanoUsdPerMillionTokens: 2_500_000_000n,
      outputNanoUsdPerMillionTokens: 10_000_000_000n,
      cacheReadInputNanoUsdPerMillionTokens: 250_000_000n,
      cacheWrite1hInputNanoUsdPerMillionTokens: 5_000_000_000n,
      requestNanoUsd: 7n,
    };
    // 600 × 2,500 + 300 × 250 + 100 × 2,500 + 20 × 5,000 + 50 × 10,000 nano-USD, plus 7 for the request.
    expect(rateUsage(usage, book)).toBe(1_500_000n + 75_000n + 250_000n + 100_000n + 500_000n + 7n);
  });

  it("prices audio and images apart, where they have a price", () => {
    const book = {
      inputNanoUsdPerMillionTokens: 2_000_000n,
      outputNanoUsdPerMillionTokens: 8_000_000n,
      cacheReadInputNanoUsdPerMillionTokens: 1_000_000n,
      audioInputNanoUsdPerMillionTokens: 40_000_000n,
      audioOutputNanoUsdPerMillionTokens: 80_000_000n,
      audioCacheReadInputNanoUsdPerMillionTokens: 3_000_000n,
      imageInputNanoUsdPerMillionTokens: 500_000n,
      imageOutputNanoUsdPerMillionTokens: 30_000_000n,
    };
    const usage = {
      inputTokens: 1_000,
      outputTokens: 100,
      cacheReadInputTokens: 200,
      cacheWriteInputTokens: 0,
      reasoningOutputTokens: 10,
      audioInputTokens: 300,
      audioCacheReadInputTokens: 50,
      imageInputTokens: 100,
      audioOutputTokens: 40,
      imageOutputTokens: 20,
    };
    // Text 450 × 2, read 150 × 1, audio 250 × 40, read audio 50 × 3, images 100 × 0.5;
    // text and reasoning 40 × 8, audio 40 × 80, images 20 × 30.
    expect(rateUsage(usage, book)).toBe(900n + 150n + 10_000n + 150n + 50n + 320n + 3_200n + 600n);
    const text = {
      inputNanoUsdPerMillionTokens: 2_000_000n,
      outputNanoUsdPerMillionTokens: 8_000_000n,
    };
    expect(rateUsage(usage, text)).toBe(2_000n + 800n);
  });

  it("counts as cached what of audio and images has no other place, and no token twice", () => {
    const book = {
      inputNanoUsdPerMillionTokens: 1_000_000n,
      outputNanoUsdPerMillionTokens: 1_000_000n,
      cacheReadInputNanoUsdPerMillionTokens: 0n,
      audioInputNanoUsdPerMillionTokens: 10_000_000n,
      imageInputNanoUsdPerMillionTokens: 5_000_000n,
      audioOutputNanoUsdPerMillionTokens: 10_000_000n,
    };
    const cached = { ...noTokens, inputTokens: 100, cacheReadInputTokens: 70 };
    expect(rateUsage({ ...cached, audioInputTokens: 100 }, book)).toBe(300n);
    const both = { ...cached, audioInputTokens: 20, imageInputTokens: 60 };
    expect(rateUsage(both, book)).toBe(200n + 50n);
    const thought = { ...noTokens, outputTokens: 100, reasoningOutputTokens: 40 };
    expect(rateUsage({ ...thought, audioOutputTokens: 90 }, book)).toBe(40n + 600n);
  });

  it("prices the whole attempt by the variant of its tier and size", () => {
    const plain = { inputNanoUsdPerMillionTokens: 4n, outputNanoUsdPerMillionTokens: 8n };
    const flex = { inputNanoUsdPerMillionTokens: 2n, outputNanoUsdPerMillionTokens: 4n };
    const large = { inputNanoUsdPerMillionTokens: 6n, outputNanoUsdPerMillionTokens: 9n };
    const variants = [
      { ...flex, serviceTier: "flex" },
      { ...large, serviceTier: "", aboveInputTokens: 2_000_000 },
    ];
    const usage = { ...noTokens, inputTokens: 2_000_000, outputTokens: 1_000_000 };
    const model = { ...plain, variants };
    expect(rateUsage(usage, model)).toBe(16n);
    expect(rateUsage(usage, model, "default")).toBe(16n);
    expect(rateUsage(usage, model, "flex")).toBe(8n);
    expect(rateUsage({ ...usage, inputTokens: 3_000_000 }, model, "default")).toBe(27n);
  });

  it("rounds the sum once, a half up", () => {
    const half = { inputNanoUsdPerMillionTokens: 1n, outputNanoUsdPerMillionTokens: 1n };
    expect(rateUsage({ ...noTokens, inputTokens: 499_999 }, half)).toBe(0n);
    expect(rateUsage({ ...noTokens, inputTokens: 500_000 }, half)).toBe(1n);
    const split = { ...noTokens, inputTokens: 250_000, outputTokens: 250_000 };
    expect(rateUsage(split, half)).toBe(1n);
  });

  it("equals the exact rational cost, rounded to the nearest, half up", () => {
    fc.assert(
      fc.property(classes, prices, (c, p) => {
        const cost = rateUsage(countsOf(c), p) - (p.requestNanoUsd ?? 0n);
        const twice = 2n * (cost * 1_000_000n - exactMillionths(c, p));
        expect(twice).toBeGreaterThan(-1_000_000n);
        expect(twice).toBeLessThanOrEqual(1_000_000n);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is exact where numbers end and bigints begin", () => {
    const most = BigInt(Number.MAX_SAFE_INTEGER);
    const near = fc.bigInt({ min: -3_000_000n, max: 3_000_000n });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000_000 }), near, near, (plainInput, by, request) => {
        // The sum lies within 10^7 of 2^53, on either side, and so does the price per request.
        const each = (most + by) / BigInt(plainInput);
        const rest = { read: 0, write: 0, write1h: 0, plainOutput: 0, reasoning: 0 };
        const book = {
          inputNanoUsdPerMillionTokens: each,
          outputNanoUsdPerMillionTokens: 0n,
          requestNanoUsd: request < 0n ? most + request : request,
        };
        const exact = exactMillionths({ plainInput, ...rest }, book);
        const cost = rateUsage(countsOf({ plainInput, ...rest }), book);
        expect(cost).toBe((exact + 500_000n) / 1_000_000n + book.requestNanoUsd);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is never negative, fits int64, and grows with every token", () => {
    const names = fc.constantFrom<keyof Classes>(
      ...(["plainInput", "read", "write", "write1h", "plainOutput", "reasoning"] as const),
    );
    fc.assert(
      fc.property(classes, prices, names, fc.nat({ max: 1000 }), (c, p, name, more) => {
        const cost = rateUsage(countsOf(c), p);
        expect(cost).toBeGreaterThanOrEqual(0n);
        expect(cost).toBeLessThanOrEqual(maximumNanoUsd);
        const fewer = { ...c, [name]: Math.max(0, c[name] - more) };
        expect(rateUsage(countsOf(fewer), p)).toBeLessThanOrEqual(cost);
      }),
      { numRuns: 1_000 },
    );
  });

  it("differs over a split by rounding only: at most one nano-USD", () => {
    fc.assert(
      fc.property(classes, prices, (c, p) => {
        const first: Classes = { ...c };
        const rest: Classes = { ...c };
        for (const name of Object.keys(c) as (keyof Classes)[]) {
          first[name] = c[name] >> 1;
          rest[name] = c[name] - first[name];
        }
        const perAttempt = p.requestNanoUsd ?? 0n;
        const whole = rateUsage(countsOf(c), p);
        const parts = rateUsage(countsOf(first), p) + rateUsage(countsOf(rest), p) - perAttempt;
        expect(parts - whole).toBeGreaterThanOrEqual(-1n);
        expect(parts - whole).toBeLessThanOrEqual(1n);
      }),
    );
  });

  it("refuses counts and prices that could make a credit", () => {
    const fair = { inputNanoUsdPerMillionTokens: 1n, outputNanoUsdPerMillionTokens: 1n };
    for (const inputTokens of [-1, 0.5, Number.NaN, Infinity, maximumTokenCount + 1]) {
      expect(() => rateUsage({ ...noTokens, inputTokens }, fair), `${inputTokens}`).toThrow(
        invalid,
      );
    }
    expect(() => rateUsage({ ...noTokens, cacheReadInputTokens: 1 }, fair)).toThrow(invalid);
    expect(() => rateUsage({ ...noTokens, reasoningOutputTokens: 1 }, fair)).toThrow(invalid);
    const credit = { ...fair, outputNanoUsdPerMillionTokens: -1n };
    expect(() => rateUsage(noTokens, credit)).toThrow(invalid);
    expect(() => rateUsage(noTokens, { ...fair, requestNanoUsd: -1n })).toThrow(invalid);
    expect(() => rateUsage(noTokens, { ...fair, requestNanoUsd: 2n ** 63n })).toThrow(invalid);
  });
});
