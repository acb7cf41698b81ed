import { wallMs } from "@penstock/limits";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { checkPriceEntries, compilePriceBook } from "./price-book.ts";
import { maximumPriceVariants, pricesFor } from "./price-variants.ts";
import type { PriceVariant } from "./price-variants.ts";

const variant = (serviceTier: string, aboveInputTokens?: number, price = 1n): PriceVariant => ({
  serviceTier,
  ...(aboveInputTokens === undefined ? {} : { aboveInputTokens }),
  inputNanoUsdPerMillionTokens: price,
  outputNanoUsdPerMillionTokens: price,
});

const entryOf = (variants: readonly PriceVariant[]) => ({
  model: "m",
  effectiveTimeMs: wallMs(0),
  inputNanoUsdPerMillionTokens: 100n,
  outputNanoUsdPerMillionTokens: 100n,
  variants,
});

const fieldsOf = (variants: readonly PriceVariant[]) =>
  checkPriceEntries([entryOf(variants)]).map(({ field }) => field.replace("entries[0].", ""));

const compiled = (variants: readonly PriceVariant[]) => {
  const prices = compilePriceBook([entryOf(variants)]).at("m", wallMs(1));
  if (prices === undefined) throw new Error("the book prices it");
  return prices;
};

describe("variants of a price", () => {
  it("hold for their tier and above their size; nothing else changes", () => {
    const prices = compiled([
      variant("", 200_000, 2n),
      variant("flex", undefined, 3n),
      variant("flex", 200_000, 4n),
      variant("priority", 272_000, 5n),
    ]);
    const priceOf = (tier: string, tokens: number) =>
      pricesFor(prices, tier, tokens).inputNanoUsdPerMillionTokens;
    expect(priceOf("", 200_000)).toBe(100n);
    expect(priceOf("default", 200_001)).toBe(2n);
    expect(priceOf("flex", 200_000)).toBe(3n);
    expect(priceOf("flex", 200_001)).toBe(4n);
    expect(priceOf("priority", 200_000)).toBe(100n);
    // A tier with variants of its own is none of the rest.
    expect(priceOf("priority", 200_001)).toBe(100n);
    expect(priceOf("priority", 272_000)).toBe(100n);
    expect(priceOf("priority", 272_001)).toBe(5n);
    expect(priceOf("Flex", 1)).toBe(100n);
  });

  it("are chosen as the only one that no other is more specific than", () => {
    const tier = fc.constantFrom("", "flex", "priority");
    const bound = fc.option(fc.nat({ max: 4 }), { nil: undefined });
    const condition = fc.tuple(tier, bound);
    const variants = fc
      .array(condition, { maxLength: 8 })
      .map((list) => list.map(([name, above], index) => variant(name, above, BigInt(index))));
    const asked = fc.tuple(fc.constantFrom("", "flex", "priority", "other"), fc.nat({ max: 6 }));
    fc.assert(
      fc.property(variants, asked, (list, [name, tokens]) => {
        if (checkPriceEntries([entryOf(list)]).length > 0) return;
        const isNamed = list.some(({ serviceTier }) => serviceTier === name);
        const fits = (one: PriceVariant) =>
          (one.serviceTier === name || (one.serviceTier === "" && !isNamed)) &&
          tokens > (one.aboveInputTokens ?? -1);
        // One implies the other: whatever fits it fits the other.
        const implies = (one: PriceVariant, other: PriceVariant) =>
          (other.serviceTier === "" || other.serviceTier === one.serviceTier) &&
          (other.aboveInputTokens ?? -1) <= (one.aboveInputTokens ?? -1);
        const fitting = list.filter(fits);
        const best = fitting.filter((one) => fitting.every((other) => implies(one, other)));
        expect(best).toHaveLength(fitting.length === 0 ? 0 : 1);
        const chosen = pricesFor(compiled(list), name, tokens);
        expect(chosen.inputNanoUsdPerMillionTokens).toBe(
          best[0]?.inputNanoUsdPerMillionTokens ?? 100n,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it("are refused where two could hold, and by the path of what is wrong", () => {
    expect(fieldsOf([variant("flex"), variant("", 200_000)])).toEqual([
      "variants[1].above_input_tokens",
    ]);
    const [problem] = checkPriceEntries([entryOf([variant("flex"), variant("", 200_000)])]);
    expect(problem?.description).toBe(
      "overlaps variants[0]: add a variant for the tier flex above 200000 input tokens",
    );
    expect(fieldsOf([variant("flex", 9), variant("", 200), variant("flex", 300)])).toEqual([
      "variants[1].above_input_tokens",
    ]);
    expect(fieldsOf([variant("flex"), variant("", 9), variant("flex", 9)])).toEqual([]);
    expect(fieldsOf([variant("flex", 5), variant("flex", 5)])).toEqual([
      "variants[1].service_tier",
    ]);
    expect(fieldsOf([variant("")])).toEqual(["variants[0].service_tier"]);
    expect(fieldsOf([variant(" flex")])).toEqual(["variants[0].service_tier"]);
    expect(fieldsOf([variant("t".repeat(65))])).toEqual(["variants[0].service_tier"]);
    expect(fieldsOf([variant("", -1)])).toEqual(["variants[0].above_input_tokens"]);
    expect(fieldsOf([variant("", Number.NaN)])).toEqual(["variants[0].above_input_tokens"]);
    expect(fieldsOf([variant("a tier nobody knows")])).toEqual([]);
    expect(fieldsOf([{ ...variant("flex"), audioOutputNanoUsdPerMillionTokens: -1n }])).toEqual([
      "variants[0].audio_output_nano_usd_per_million_tokens",
    ]);
    const many = Array.from({ length: maximumPriceVariants + 1 }, (_, at) => variant("", at));
    expect(fieldsOf(many)).toEqual(["variants"]);
  });

  it("are absent from a compiled book that has none", () => {
    expect(compiled([])).not.toHaveProperty("variants");
  });
});
