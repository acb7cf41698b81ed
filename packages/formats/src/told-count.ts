/**
 * The most tokens that are believed of one count, ten times the largest context of any model (10
 * million: Llama 4 Scout's); a provider that tells more is wrong, and what it tells is refused like
 * a negative count. What is rated goes as far (`maximumTokenCount` of the price books).
 */
export const mostToldTokens = 100_000_000;

/** Digits of counts that are below `mostToldTokens` whatever they are. */
export const surelyToldDigits = 8;

/** Whether a value of a provider is a count of tokens: a whole number from 0 to `mostToldTokens`. */
export function isToldCount(value: unknown): value is number {
  if (typeof value !== "number" || !Number.isInteger(value)) return false;
  return value >= 0 && value <= mostToldTokens;
}

/** The same of a sum of such counts; what is absent is none too large. */
export function isToldSum(sum: bigint | undefined): boolean {
  return sum === undefined || sum <= BigInt(mostToldTokens);
}
