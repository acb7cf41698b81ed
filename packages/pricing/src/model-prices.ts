import { nanoUsdPerUsd } from "./money.ts";
import type { PriceVariant } from "./price-variants.ts";

/**
 * What tokens and a request cost. Token prices are nano-USD per million tokens ("$2.50 per million"
 * is 2_500_000_000n). A class without a price costs what plain input, or plain output, costs.
 */
export interface TokenPrices {
  readonly inputNanoUsdPerMillionTokens: bigint;
  readonly outputNanoUsdPerMillionTokens: bigint;
  readonly cacheReadInputNanoUsdPerMillionTokens?: bigint;
  readonly cacheWriteInputNanoUsdPerMillionTokens?: bigint;
  /** Writes that are kept for an hour; without a price they cost what other writes cost. */
  readonly cacheWrite1hInputNanoUsdPerMillionTokens?: bigint;
  readonly reasoningOutputNanoUsdPerMillionTokens?: bigint;
  /** Charged once per attempt on top of the tokens. */
  readonly requestNanoUsd?: bigint;
  readonly audioInputNanoUsdPerMillionTokens?: bigint;
  readonly audioOutputNanoUsdPerMillionTokens?: bigint;
  /** Audio that was read from the cache; without a price it costs what other reads cost. */
  readonly audioCacheReadInputNanoUsdPerMillionTokens?: bigint;
  readonly imageInputNanoUsdPerMillionTokens?: bigint;
  readonly imageOutputNanoUsdPerMillionTokens?: bigint;
}

/** The prices of audio and images, each of which may be absent. */
export const mediaPriceNames = [
  "audioInputNanoUsdPerMillionTokens",
  "audioOutputNanoUsdPerMillionTokens",
  "audioCacheReadInputNanoUsdPerMillionTokens",
  "imageInputNanoUsdPerMillionTokens",
  "imageOutputNanoUsdPerMillionTokens",
] as const satisfies readonly (keyof TokenPrices)[];

/** The prices that may be absent; one that is missing here is neither compiled nor told. */
export const optionalPriceNames = [
  "cacheReadInputNanoUsdPerMillionTokens",
  "cacheWriteInputNanoUsdPerMillionTokens",
  "cacheWrite1hInputNanoUsdPerMillionTokens",
  "reasoningOutputNanoUsdPerMillionTokens",
  "requestNanoUsd",
  ...mediaPriceNames,
] as const satisfies readonly (keyof TokenPrices)[];

/** What one model costs, and what it costs for some requests instead. */
export interface ModelPrices extends TokenPrices {
  /**
   * In a compiled book the most specific first. Absent: every request costs the same; never empty
   * in a compiled book, so that rating asks once.
   */
  readonly variants?: readonly PriceVariant[];
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

const tokenPriceFields = [
  ["inputNanoUsdPerMillionTokens", "input_nano_usd_per_million_tokens"],
  ["outputNanoUsdPerMillionTokens", "output_nano_usd_per_million_tokens"],
  ["cacheReadInputNanoUsdPerMillionTokens", "cache_read_input_nano_usd_per_million_tokens"],
  ["cacheWriteInputNanoUsdPerMillionTokens", "cache_write_input_nano_usd_per_million_tokens"],
  ["cacheWrite1hInputNanoUsdPerMillionTokens", "cache_write_1h_input_nano_usd_per_million_tokens"],
  ["reasoningOutputNanoUsdPerMillionTokens", "reasoning_output_nano_usd_per_million_tokens"],
  ["audioInputNanoUsdPerMillionTokens", "audio_input_nano_usd_per_million_tokens"],
  ["audioOutputNanoUsdPerMillionTokens", "audio_output_nano_usd_per_million_tokens"],
  [
    "audioCacheReadInputNanoUsdPerMillionTokens",
    "audio_cache_read_input_nano_usd_per_million_tokens",
  ],
  ["imageInputNanoUsdPerMillionTokens", "image_input_nano_usd_per_million_tokens"],
  ["imageOutputNanoUsdPerMillionTokens", "image_output_nano_usd_per_million_tokens"],
] as const;

/** Everything that is wrong with the prices: negative or beyond belief. Never throws. */
export function checkTokenPrices(prices: TokenPrices): PriceProblem[] {
  const problems: PriceProblem[] = [];
  const check = (field: string, price: bigint | undefined, maximum: bigint): void => {
    if (price === undefined || (price >= 0n && price <= maximum)) return;
    problems.push({ field, description: `must be from 0 to ${maximum}` });
  };
  for (const [name, field] of tokenPriceFields) {
    check(field, prices[name], maximumNanoUsdPerMillionTokens);
  }
  check("request_nano_usd", prices.requestNanoUsd, maximumRequestNanoUsd);
  return problems;
}
