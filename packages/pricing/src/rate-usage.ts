import { fieldInvalid } from "./field-invalid.ts";
import { checkMoney } from "./money.ts";
import type { ModelPrices, TokenPrices } from "./model-prices.ts";
import { costOfSum, plainPrices } from "./plain-prices.ts";
import type { PlainPrices } from "./plain-prices.ts";
import { pricesFor } from "./price-variants.ts";
import { maximumTokenCount } from "./token-usage.ts";
import type { TokenCounts } from "./token-usage.ts";

const tokensPerPrice = 1_000_000n;

/**
 * The cost of one attempt in nano-USD: the sum of class tokens × class price, taken exactly and
 * then divided by 10^6 once, half rounded up, plus the price per request (decisions §5). Cached
 * reads and writes are taken out of the input before it is priced, reasoning out of the output.
 * The attempts of a request are summed by the caller.
 *
 * `serviceTier` is the tier that served, in the provider's words (empty: not known): with the
 * number of input tokens it says which variant of the prices holds, for the whole attempt.
 *
 * Throws FIELD_INVALID when a count is not a whole number from 0 to 10^8 or a part exceeds its
 * total (see `checkTokenCounts`), when a price is negative, and when the cost exceeds int64.
 */
export function rateUsage(usage: TokenCounts, model: ModelPrices, serviceTier = ""): bigint {
  const prices =
    model.variants === undefined ? model : pricesFor(model, serviceTier, usage.inputTokens);
  const plain = plainPrices(prices);
  const cost = plain === undefined ? undefined : rateInNumbers(usage, plain);
  return cost === undefined ? rateInBigints(usage, prices) : BigInt(cost);
}

/**
 * Most costs in numbers, which take a tenth of the time; undefined where that is not exact, where
 * audio and images have prices of their own, or where the counts are not in order.
 */
function rateInNumbers(usage: TokenCounts, prices: PlainPrices): number | undefined {
  if (prices.hasMedia && hasMedia(usage)) return undefined;
  const { cacheReadInputTokens: read, cacheWriteInputTokens: written } = usage;
  const { cacheWrite1hInputTokens: written1h = 0, reasoningOutputTokens: reasoning } = usage;
  const plainInput = usage.inputTokens - read - written;
  const plainWritten = written - written1h;
  const plainOutput = usage.outputTokens - reasoning;
  if (!(isCount(plainInput) && isCount(plainOutput) && isCount(read))) return undefined;
  if (!(isCount(plainWritten) && isCount(written1h) && isCount(reasoning))) return undefined;
  const sum =
    plainInput * prices.input +
    read * prices.cacheRead +
    plainWritten * prices.cacheWrite +
    written1h * prices.cacheWrite1h +
    plainOutput * prices.output +
    reasoning * prices.reasoning;
  return costOfSum(sum, prices.request);
}

function hasMedia(usage: TokenCounts): boolean {
  const { audioInputTokens, imageInputTokens, audioOutputTokens, imageOutputTokens } = usage;
  return Boolean(audioInputTokens || imageInputTokens || audioOutputTokens || imageOutputTokens);
}

function rateInBigints(usage: TokenCounts, prices: TokenPrices): bigint {
  const plainInput = usage.inputTokens - usage.cacheReadInputTokens - usage.cacheWriteInputTokens;
  const written1h = usage.cacheWrite1hInputTokens ?? 0;
  const plainOutput = usage.outputTokens - usage.reasoningOutputTokens;
  const input = prices.inputNanoUsdPerMillionTokens;
  const written = prices.cacheWriteInputNanoUsdPerMillionTokens ?? input;
  const output = prices.outputNanoUsdPerMillionTokens;
  let sum =
    charge(plainInput, input) +
    charge(usage.cacheReadInputTokens, prices.cacheReadInputNanoUsdPerMillionTokens ?? input) +
    charge(usage.cacheWriteInputTokens - written1h, written) +
    charge(written1h, prices.cacheWrite1hInputNanoUsdPerMillionTokens ?? written) +
    charge(plainOutput, output) +
    charge(usage.reasoningOutputTokens, prices.reasoningOutputNanoUsdPerMillionTokens ?? output);
  if (usage.audioInputTokens || usage.imageInputTokens) sum += inputMedia(usage, prices);
  if (usage.audioOutputTokens || usage.imageOutputTokens) sum += outputMedia(usage, prices);
  const perRequest = checkPrice(prices.requestNanoUsd ?? 0n);
  return checkMoney((sum + tokensPerPrice / 2n) / tokensPerPrice + perRequest, "cost");
}

/**
 * What audio and images of the input cost beyond what they were charged as text; negative where
 * they are cheaper. Few providers tell what of them was cached: where that is not told, the text was
 * cached first, then images, because caches hold beginnings and audio is what is asked about.
 */
function inputMedia(usage: TokenCounts, prices: TokenPrices): bigint {
  const input = prices.inputNanoUsdPerMillionTokens;
  const read = prices.cacheReadInputNanoUsdPerMillionTokens ?? input;
  const plain = usage.inputTokens - usage.cacheReadInputTokens - usage.cacheWriteInputTokens;
  const audio = usage.audioInputTokens ?? 0;
  const audioRead = Math.min(audio, usage.audioCacheReadInputTokens ?? 0);
  const plainAudio = Math.min(plain, audio - audioRead);
  const plainImages = Math.min(plain - plainAudio, usage.imageInputTokens ?? 0);
  return (
    exchange(plainAudio, input, prices.audioInputNanoUsdPerMillionTokens) +
    exchange(audioRead, read, prices.audioCacheReadInputNanoUsdPerMillionTokens) +
    exchange(plainImages, input, prices.imageInputNanoUsdPerMillionTokens)
  );
}

/** The same for the output; what is reasoning is neither. */
function outputMedia(usage: TokenCounts, prices: TokenPrices): bigint {
  const output = prices.outputNanoUsdPerMillionTokens;
  const plain = usage.outputTokens - usage.reasoningOutputTokens;
  const audio = Math.min(plain, usage.audioOutputTokens ?? 0);
  const images = Math.min(plain - audio, usage.imageOutputTokens ?? 0);
  return (
    exchange(audio, output, prices.audioOutputNanoUsdPerMillionTokens) +
    exchange(images, output, prices.imageOutputNanoUsdPerMillionTokens)
  );
}

/** What tokens cost at their own price beyond what they were charged; no price: as charged. */
function exchange(tokens: number, charged: bigint, own: bigint | undefined): bigint {
  return own === undefined ? 0n : charge(tokens, own) - charge(tokens, charged);
}

function isCount(tokens: number): boolean {
  return tokens >= 0 && tokens <= maximumTokenCount && Number.isInteger(tokens);
}

function charge(tokens: number, price: bigint): bigint {
  if (!isCount(tokens)) {
    throw fieldInvalid("usage", `each class must have from 0 to ${maximumTokenCount} tokens`);
  }
  return BigInt(tokens) * checkPrice(price);
}

function checkPrice(price: bigint): bigint {
  if (price < 0n) throw fieldInvalid("prices", "must not be negative");
  return price;
}
