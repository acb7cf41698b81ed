import type { ModelPrices, ModelPriceVariant } from "@penstock/api";
import { optionalPriceNames } from "@penstock/pricing";
import type { ModelPrices as BookPrices, TokenPrices } from "@penstock/pricing";

/** Prices of a book as callers get them, with their variants. */
export function toldPrices(prices: BookPrices): ModelPrices {
  const told = withoutVariants(prices);
  for (const variant of prices.variants ?? []) {
    const { serviceTier, aboveInputTokens: above } = variant;
    const one = newVariant(serviceTier, above === undefined ? undefined : BigInt(above));
    told.variants.push({ ...one, prices: withoutVariants(variant) });
  }
  return told;
}

/**
 * The dearest price of each class, so that it holds whichever target answers; undefined where one
 * of them has no price. Its variants are those of one target, or else one for each tier and size of
 * any of them, since a request may be of the tier of one and of the size of another.
 */
export function dearestPrices(
  targets: readonly (ModelPrices | undefined)[],
): ModelPrices | undefined {
  const priced = targets.flatMap((prices) => prices ?? []);
  const [first, ...others] = priced;
  if (first === undefined || priced.length < targets.length) return undefined;
  if (others.length === 0) return first;
  const common = dearestOf(priced);
  const all = priced.flatMap(({ variants }) => variants);
  const tiers = new Set(["", ...all.map(({ serviceTier }) => serviceTier)]);
  const bounds = new Set([undefined, ...all.map(({ aboveInputTokens: above }) => above)]);
  for (const tier of tiers) {
    for (const above of bounds) {
      if (tier === "" && above === undefined) continue;
      const prices = dearestOf(priced.map((one) => pricesUnder(one, tier, above)));
      common.variants.push({ ...newVariant(tier, above), prices });
    }
  }
  common.variants.sort(bySpecificity);
  return common;
}

/** As in a compiled book: named tiers first, then large sizes. */
function bySpecificity(a: ModelPriceVariant, b: ModelPriceVariant): number {
  if ((a.serviceTier === "") !== (b.serviceTier === "")) return a.serviceTier === "" ? 1 : -1;
  return Number((b.aboveInputTokens ?? -1n) - (a.aboveInputTokens ?? -1n));
}

/** The prices of a target for the smallest request that a condition fits. */
function pricesUnder(prices: ModelPrices, tier: string, above: bigint | undefined): ModelPrices {
  const { variants } = prices;
  // As they are charged (`pricesFor` of the pricing package).
  const isNamed = tier !== "" && variants.some(({ serviceTier }) => serviceTier === tier);
  const own = variants.find(
    ({ serviceTier, aboveInputTokens: bound }) =>
      serviceTier === (isNamed ? tier : "") && (bound ?? -1n) <= (above ?? -1n),
  );
  return own?.prices ?? prices;
}

function dearestOf(priced: readonly ModelPrices[]): ModelPrices {
  const highest = (of: (prices: ModelPrices) => bigint): bigint => {
    let top = 0n;
    for (const prices of priced) if (of(prices) > top) top = of(prices);
    return top;
  };
  const common: ModelPrices = {
    $typeName: "penstock.inference.v1.ModelPrices",
    inputNanoUsdPerMillionTokens: highest((prices) => prices.inputNanoUsdPerMillionTokens),
    outputNanoUsdPerMillionTokens: highest((prices) => prices.outputNanoUsdPerMillionTokens),
    variants: [],
  };
  for (const name of optionalPriceNames) {
    if (priced.every((prices) => prices[name] === undefined)) continue;
    common[name] = highest((prices) => prices[name] ?? otherwise(name, prices));
  }
  return common;
}

/** What a class costs that has no price of its own. */
function otherwise(name: (typeof optionalPriceNames)[number], prices: ModelPrices): bigint {
  switch (name) {
    case "requestNanoUsd":
      return 0n;
    case "reasoningOutputNanoUsdPerMillionTokens":
    case "audioOutputNanoUsdPerMillionTokens":
    case "imageOutputNanoUsdPerMillionTokens":
      return prices.outputNanoUsdPerMillionTokens;
    case "cacheWrite1hInputNanoUsdPerMillionTokens":
      return prices.cacheWriteInputNanoUsdPerMillionTokens ?? prices.inputNanoUsdPerMillionTokens;
    case "audioCacheReadInputNanoUsdPerMillionTokens":
      return prices.cacheReadInputNanoUsdPerMillionTokens ?? prices.inputNanoUsdPerMillionTokens;
    default:
      return prices.inputNanoUsdPerMillionTokens;
  }
}

function newVariant(serviceTier: string, above: bigint | undefined): ModelPriceVariant {
  return {
    $typeName: "penstock.inference.v1.ModelPriceVariant",
    serviceTier,
    ...(above === undefined ? {} : { aboveInputTokens: above }),
  };
}

function withoutVariants(prices: TokenPrices): ModelPrices {
  const told: ModelPrices = {
    $typeName: "penstock.inference.v1.ModelPrices",
    inputNanoUsdPerMillionTokens: prices.inputNanoUsdPerMillionTokens,
    outputNanoUsdPerMillionTokens: prices.outputNanoUsdPerMillionTokens,
    variants: [],
  };
  for (const name of optionalPriceNames) {
    const price = prices[name];
    if (price !== undefined) told[name] = price;
  }
  return told;
}
