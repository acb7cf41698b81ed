import { fieldInvalid } from "./field-invalid.ts";
import { checkMoney } from "./money.ts";
import type { ModelPrices } from "./model-prices.ts";
import { maximumTokenCount } from "./token-usage.ts";
import type { TokenCounts } from "./token-usage.ts";

const tokensPerPrice = 1_000_000n;

/**
 * The cost of one attempt in nano-USD: the sum of class tokens × class price, taken exactly and
 * then divided by 10^6 once, half rounded up, plus the price per request (decisions §5). Cached
 * reads and writes are taken out of the input before it is priced, reasoning out of the output.
 * The attempts of a request are summed by the caller.
 *
 * Throws FIELD_INVALID when a count is not a whole number from 0 to 10^8 or a part exceeds its
 * total (see `checkTokenCounts`), when a price is negative, and when the cost exceeds int64.
 */
export function rateUsage(usage: TokenCounts, prices: ModelPrices): bigint {
  const plainInput = usage.inputTokens - usage.cacheReadInputTokens - usage.cacheWriteInputTokens;
  const written1h = usage.cacheWrite1hInputTokens ?? 0;
  const plainOutput = usage.outputTokens - usage.reasoningOutputTokens;
  const input = prices.inputNanoUsdPerMillionTokens;
  const written = prices.cacheWriteInputNanoUsdPerMillionTokens ?? input;
  const output = prices.outputNanoUsdPerMillionTokens;
  const sum =
    charge(plainInput, input) +
    charge(usage.cacheReadInputTokens, prices.cacheReadInputNanoUsdPerMillionTokens ?? input) +
    charge(usage.cacheWriteInputTokens - written1h, written) +
    charge(written1h, prices.cacheWrite1hInputNanoUsdPerMillionTokens ?? written) +
    charge(plainOutput, output) +
    charge(usage.reasoningOutputTokens, prices.reasoningOutputNanoUsdPerMillionTokens ?? output);
  const perRequest = checkPrice(prices.requestNanoUsd ?? 0n);
  return checkMoney((sum + tokensPerPrice / 2n) / tokensPerPrice + perRequest, "cost");
}

function charge(tokens: number, price: bigint): bigint {
  if (!(Number.isInteger(tokens) && tokens >= 0 && tokens <= maximumTokenCount)) {
    throw fieldInvalid("usage", `each class must have from 0 to ${maximumTokenCount} tokens`);
  }
  return BigInt(tokens) * checkPrice(price);
}

function checkPrice(price: bigint): bigint {
  if (price < 0n) throw fieldInvalid("prices", "must not be negative");
  return price;
}
