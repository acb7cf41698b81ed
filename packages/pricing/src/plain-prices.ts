import { mediaPriceNames } from "./model-prices.ts";
import type { TokenPrices } from "./model-prices.ts";

/** Prices as numbers, each class with one; in nano-USD per million tokens, and per request. */
export interface PlainPrices {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly cacheWrite1h: number;
  readonly output: number;
  readonly reasoning: number;
  readonly request: number;
  /** Whether audio or images have a price of their own, which is not among these. */
  readonly hasMedia: boolean;
}

const tokensPerPrice = 1_000_000;
/** Sums up to here are exact in numbers, and with half a unit more still below 2^53 - 1. */
const largestSum = Number.MAX_SAFE_INTEGER - tokensPerPrice;

/**
 * The cost of tokens × prices, rounded half up, and of a request; undefined where it is not exact in
 * numbers. No part of the sum may be negative, so a part that was rounded, being beyond 2^53, makes
 * the sum too large as well. The quotient of whole numbers below 2^53 is never rounded up to a whole
 * one: what is missing to it, at least 10^-6 of less than 2^53 / 10^6, is more than half of the
 * distance of two numbers there.
 */
export function costOfSum(sum: number, request: number): number | undefined {
  if (sum > largestSum) return undefined;
  const cost = Math.floor((sum + tokensPerPrice / 2) / tokensPerPrice) + request;
  return cost <= Number.MAX_SAFE_INTEGER ? cost : undefined;
}

/** Prices are parts of a compiled book, which never change; null: they are not plain. */
const known = new WeakMap<TokenPrices, PlainPrices | null>();

/** The prices as numbers; undefined when one is negative or no safe integer. */
export function plainPrices(prices: TokenPrices): PlainPrices | undefined {
  let plain = known.get(prices);
  if (plain === undefined) {
    plain = makePlain(prices);
    known.set(prices, plain);
  }
  return plain ?? undefined;
}

function makePlain(prices: TokenPrices): PlainPrices | null {
  const input = prices.inputNanoUsdPerMillionTokens;
  const output = prices.outputNanoUsdPerMillionTokens;
  const cacheWrite = prices.cacheWriteInputNanoUsdPerMillionTokens ?? input;
  const plain = {
    input: Number(input),
    cacheRead: Number(prices.cacheReadInputNanoUsdPerMillionTokens ?? input),
    cacheWrite: Number(cacheWrite),
    cacheWrite1h: Number(prices.cacheWrite1hInputNanoUsdPerMillionTokens ?? cacheWrite),
    output: Number(output),
    reasoning: Number(prices.reasoningOutputNanoUsdPerMillionTokens ?? output),
    request: Number(prices.requestNanoUsd ?? 0n),
  };
  const exact = Object.values(plain).every((price) => price >= 0 && Number.isSafeInteger(price));
  if (!exact) return null;
  const hasMedia = mediaPriceNames.some((name) => prices[name] !== undefined);
  return { ...plain, hasMedia };
}
