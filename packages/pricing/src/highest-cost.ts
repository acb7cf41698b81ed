import { checkMoney } from "./money.ts";
import type { ModelPrices, TokenPrices } from "./model-prices.ts";

/** What is known of a request's cost before it is sent. */
export interface CostBounds {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Input tokens that it may turn out to have, for prices that depend on them. */
  readonly mostInputTokens: number;
  /** Whether input may be audio, or images. */
  readonly hasAudio: boolean;
  readonly hasImages: boolean;
  /** Whether the request may be served by a tier. */
  readonly mayServe: (serviceTier: string) => boolean;
}

const tokensPerPrice = 1_000_000n;

/**
 * What a request costs at most, in nano-USD: every token in the dearest class that it may be in, by
 * the dearest of the prices that may hold. The tier that serves is known only from the answer.
 */
export function highestCost(bounds: CostBounds, prices: ModelPrices): bigint {
  let highest = costBy(bounds, prices);
  const { variants } = prices;
  if (variants === undefined) return highest;
  for (const variant of variants) {
    const { serviceTier, aboveInputTokens: above } = variant;
    if (above !== undefined && bounds.mostInputTokens <= above) continue;
    if (serviceTier !== "" && !bounds.mayServe(serviceTier)) continue;
    const cost = costBy(bounds, variant);
    if (cost > highest) highest = cost;
  }
  return highest;
}

function costBy(bounds: CostBounds, prices: TokenPrices): bigint {
  const plainInput = prices.inputNanoUsdPerMillionTokens;
  let input = dearer(plainInput, prices.cacheReadInputNanoUsdPerMillionTokens);
  input = dearer(input, prices.cacheWriteInputNanoUsdPerMillionTokens);
  input = dearer(input, prices.cacheWrite1hInputNanoUsdPerMillionTokens);
  if (bounds.hasAudio) {
    input = dearer(input, prices.audioInputNanoUsdPerMillionTokens);
    input = dearer(input, prices.audioCacheReadInputNanoUsdPerMillionTokens);
  }
  if (bounds.hasImages) input = dearer(input, prices.imageInputNanoUsdPerMillionTokens);
  const plainOutput = prices.outputNanoUsdPerMillionTokens;
  let output = dearer(plainOutput, prices.reasoningOutputNanoUsdPerMillionTokens);
  output = dearer(output, prices.audioOutputNanoUsdPerMillionTokens);
  output = dearer(output, prices.imageOutputNanoUsdPerMillionTokens);
  const sum = BigInt(bounds.inputTokens) * input + BigInt(bounds.outputTokens) * output;
  const tokens = (sum + tokensPerPrice / 2n) / tokensPerPrice;
  return checkMoney(tokens + (prices.requestNanoUsd ?? 0n), "cost");
}

function dearer(price: bigint, other: bigint | undefined): bigint {
  return other !== undefined && other > price ? other : price;
}
