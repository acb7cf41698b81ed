import type { Price, PriceBook } from "@penstock/api";
import { wallMs } from "@penstock/limits";
import type { PriceEntry } from "@penstock/pricing";

import { timestampMs } from "./duration.ts";

/** The prices of a book in the form that `compilePriceBook` takes. */
export function priceEntries(priceBook: PriceBook): PriceEntry[] {
  return priceBook.prices.map((price) => ({
    model: price.model,
    effectiveTimeMs: wallMs(effectiveMs(price)),
    inputNanoUsdPerMillionTokens: price.inputNanoUsdPerMillionTokens,
    outputNanoUsdPerMillionTokens: price.outputNanoUsdPerMillionTokens,
    ...optionalPrice("cacheReadInputNanoUsdPerMillionTokens", price),
    ...optionalPrice("cacheWriteInputNanoUsdPerMillionTokens", price),
    ...optionalPrice("cacheWrite1hInputNanoUsdPerMillionTokens", price),
    ...optionalPrice("reasoningOutputNanoUsdPerMillionTokens", price),
    ...optionalPrice("requestNanoUsd", price),
  }));
}

// Absent: since 1970. Pricing wants a finite time, and nothing was ever asked before.
function effectiveMs(price: Price): number {
  return price.effectiveTime === undefined ? 0 : timestampMs(price.effectiveTime);
}

type OptionalPrice =
  | "cacheReadInputNanoUsdPerMillionTokens"
  | "cacheWriteInputNanoUsdPerMillionTokens"
  | "cacheWrite1hInputNanoUsdPerMillionTokens"
  | "reasoningOutputNanoUsdPerMillionTokens"
  | "requestNanoUsd";

function optionalPrice(name: OptionalPrice, price: Price): Partial<Record<OptionalPrice, bigint>> {
  const value = price[name];
  return value === undefined ? {} : { [name]: value };
}
