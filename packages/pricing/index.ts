export { estimateMediaTokens } from "./src/estimate-media.ts";
export type { MediaToEstimate } from "./src/estimate-media.ts";
export {
  defaultBytesPerToken,
  defaultMaximumOutputTokens,
  estimateOutputTokensFromBytes,
  estimateUsage,
} from "./src/estimate-usage.ts";
export type { UsageEstimate, UsageEstimateInput } from "./src/estimate-usage.ts";
export { maximumNanoUsdPerMillionTokens, maximumRequestNanoUsd } from "./src/model-prices.ts";
export type { ModelPrices, PriceProblem, TokenPrices } from "./src/model-prices.ts";
export { optionalPriceNames } from "./src/model-prices.ts";
export { highestCost } from "./src/highest-cost.ts";
export type { CostBounds } from "./src/highest-cost.ts";
export {
  addMoney,
  addMoneySaturating,
  checkMoney,
  formatMoney,
  maximumNanoUsd,
  minimumNanoUsd,
  multiplyMoney,
  nanoUsdPerUsd,
  parseMoney,
} from "./src/money.ts";
export { anyModel, checkPriceEntries, compilePriceBook } from "./src/price-book.ts";
export type { CompiledPriceBook, PriceEntry } from "./src/price-book.ts";
export { maximumPriceVariants, pricesFor } from "./src/price-variants.ts";
export type { PriceVariant } from "./src/price-variants.ts";
export { rateUsage } from "./src/rate-usage.ts";
export {
  addTokenCounts,
  checkTokenCounts,
  maximumTokenCount,
  noTokens,
} from "./src/token-usage.ts";
export type {
  CheckedTokenCounts,
  TokenCountFault,
  TokenCountProblem,
  TokenCounts,
} from "./src/token-usage.ts";
