import type { Price, PriceBook, PriceVariant as VariantMessage } from "@penstock/api";
import { wallMs } from "@penstock/limits";
import { optionalPriceNames } from "@penstock/pricing";
import type { PriceEntry, PriceVariant, TokenPrices } from "@penstock/pricing";

import { timestampMs } from "./duration.ts";

/** The prices of a book in the form that `compilePriceBook` takes. */
export function priceEntries(priceBook: PriceBook): PriceEntry[] {
  return priceBook.prices.map((price) => ({
    model: price.model,
    effectiveTimeMs: wallMs(effectiveMs(price)),
    ...tokenPrices(price),
    ...(price.variants.length === 0 ? {} : { variants: price.variants.map(priceVariant) }),
  }));
}

function priceVariant(variant: VariantMessage): PriceVariant {
  const { serviceTier, aboveInputTokens: above } = variant;
  return {
    serviceTier,
    ...(above === undefined ? {} : { aboveInputTokens: Number(above) }),
    ...tokenPrices(variant),
  };
}

// Absent: since 1970. Pricing wants a finite time, and nothing was ever asked before.
function effectiveMs(price: Price): number {
  return price.effectiveTime === undefined ? 0 : timestampMs(price.effectiveTime);
}

function tokenPrices(price: Price | VariantMessage): TokenPrices {
  const prices: { -readonly [name in keyof TokenPrices]: TokenPrices[name] } = {
    inputNanoUsdPerMillionTokens: price.inputNanoUsdPerMillionTokens,
    outputNanoUsdPerMillionTokens: price.outputNanoUsdPerMillionTokens,
  };
  for (const name of optionalPriceNames) {
    const value = price[name];
    if (value !== undefined) prices[name] = value;
  }
  return prices;
}
