import { checkMoney } from "./money.ts";
import type { ModelPrices, TokenPrices } from "./model-prices.ts";
import { costOfSum, plainPrices } from "./plain-prices.ts";
import type { PlainPrices } from "./plain-prices.ts";

/** What is known of a request's cost before it is sent. */
export interface CostBounds {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Input tokens that it may turn out to have, for prices that depend on them. */
  readonly mostInputTokens: number;
  /** Whether input may be audio. */
  hasAudio(): boolean;
  /** Whether input may be images. */
  hasImages(): boolean;
  /** Whether the request may be served by a tier. */
  mayServe(serviceTier: string): boolean;
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
  const plain = plainPrices(prices);
  const cost = plain === undefined || plain.hasMedia ? undefined : costInNumbers(bounds, plain);
  return cost === undefined ? costInBigints(bounds, prices) : BigInt(cost);
}

function costInNumbers(bounds: CostBounds, prices: PlainPrices): number | undefined {
  const { input, cacheRead, cacheWrite, cacheWrite1h, output, reasoning, request } = prices;
  const dearestInput = Math.max(input, cacheRead, cacheWrite, cacheWrite1h);
  const dearestOutput = Math.max(output, reasoning);
  const sum = bounds.inputTokens * dearestInput + bounds.outputTokens * dearestOutput;
  return costOfSum(sum, request);
}

function costInBigints(bounds: CostBounds, prices: TokenPrices): bigint {
  const plainInput = prices.inputNanoUsdPerMillionTokens;
  let input = dearer(plainInput, prices.cacheReadInputNanoUsdPerMillionTokens);
  input = dearer(input, prices.cacheWriteInputNanoUsdPerMillionTokens);
  input = dearer(input, prices.cacheWrite1hInputNanoUsdPerMillionTokens);
  const { audioInputNanoUsdPerMillionTokens: audio } = prices;
  const { imageInputNanoUsdPerMillionTokens: images } = prices;
  const { audioCacheReadInputNanoUsdPerMillionTokens: audioRead } = prices;
  // Media are looked for only where it matters: that goes through all of a conversation.
  if ((audio ?? audioRead) !== undefined && bounds.hasAudio()) {
    input = dearer(dearer(input, audio), audioRead);
  }
  if (images !== undefined && bounds.hasImages()) input = dearer(input, images);
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
