import { nanoUsdPerUsd } from "./money.ts";

/**
 * What one model costs. Token prices are nano-USD per million tokens ("$2.50 per million" is
 * 2_500_000_000n). A class without a price costs what plain input, or plain output, costs.
 */
export interface ModelPrices {
  readonly inputNanoUsdPerMillionTokens: bigint;
  readonly outputNanoUsdPerMillionTokens: bigint;
  readonly cacheReadInputNanoUsdPerMillionTokens?: bigint;
  readonly cacheWriteInputNanoUsdPerMillionTokens?: bigint;
  /** Writes that are kept for an hour; without a price they cost what other writes cost. */
  readonly cacheWrite1hInputNanoUsdPerMillionTokens?: bigint;
  readonly reasoningOutputNanoUsdPerMillionTokens?: bigint;
  /** Charged once per attempt on top of the tokens. */
  readonly requestNanoUsd?: bigint;
}

/**
 * The highest price believed: 1 million USD per million tokens, a thousand times the dearest model
 * sold in 2026. With at most 10^8 tokens per total no charge can come near the end of int64.
 */
export const maximumNanoUsdPerMillionTokens = 1_000_000n * nanoUsdPerUsd;

/** The highest price per request believed: 1 million USD. */
export const maximumRequestNanoUsd = 1_000_000n * nanoUsdPerUsd;

/** One field of the prices, by its proto name, and what is wrong with it. */
export interface PriceProblem {
  readonly field: string;
  readonly description: string;
}

const priceFields: readonly (readonly [keyof ModelPrices, string, bigint])[] = [
  [
    "inputNanoUsdPerMillionTokens",
    "input_nano_usd_per_million_tokens",
    maximumNanoUsdPerMillionTokens,
  ],
  [
    "outputNanoUsdPerMillionTokens",
    "output_nano_usd_per_million_tokens",
    maximumNanoUsdPerMillionTokens,
  ],
  [
    "cacheReadInputNanoUsdPerMillionTokens",
    "cache_read_input_nano_usd_per_million_tokens",
    maximumNanoUsdPerMillionTokens,
  ],
  [
    "cacheWriteInputNanoUsdPerMillionTokens",
    "cache_write_input_nano_usd_per_million_tokens",
    maximumNanoUsdPerMillionTokens,
  ],
  [
    "cacheWrite1hInputNanoUsdPerMillionTokens",
    "cache_write_1h_input_nano_usd_per_million_tokens",
    maximumNanoUsdPerMillionTokens,
  ],
  [
    "reasoningOutputNanoUsdPerMillionTokens",
    "reasoning_output_nano_usd_per_million_tokens",
    maximumNanoUsdPerMillionTokens,
  ],
  ["requestNanoUsd", "request_nano_usd", maximumRequestNanoUsd],
];

/** Everything that is wrong with the prices: negative or beyond belief. Never throws. */
export function checkModelPrices(prices: ModelPrices): PriceProblem[] {
  const problems: PriceProblem[] = [];
  for (const [name, field, maximum] of priceFields) {
    const price = prices[name];
    if (price === undefined || (price >= 0n && price <= maximum)) continue;
    problems.push({ field, description: `must be from 0 to ${maximum}` });
  }
  return problems;
}
