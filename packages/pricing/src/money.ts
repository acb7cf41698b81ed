import { fieldInvalid } from "./field-invalid.ts";

/** One US dollar in nano-USD. */
export const nanoUsdPerUsd = 1_000_000_000n;

/** The largest amount that fits the wire's int64: about 9.22 billion USD. */
export const maximumNanoUsd = 2n ** 63n - 1n;

/** The smallest amount that fits the wire's int64. */
export const minimumNanoUsd = -(2n ** 63n);

// No sign, exponent, grouping, blank or leading zero: one way to write an amount.
const moneyPattern = /^(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,9}))?$/;

/**
 * Reads US dollars as manifests write them ("12.50", "0.000000001") into nano-USD, exactly.
 * Throws FIELD_INVALID, naming `field`, for anything but digits with up to 9 decimals, and for
 * amounts beyond int64.
 */
export function parseMoney(text: string, field = "amount"): bigint {
  const match = moneyPattern.exec(text);
  if (match === null) {
    throw fieldInvalid(field, 'must be US dollars with at most 9 decimals, such as "12.50"');
  }
  const whole = BigInt(match[1] ?? "0") * nanoUsdPerUsd;
  return checkMoney(whole + BigInt((match[2] ?? "").padEnd(9, "0")), field);
}

/** Writes nano-USD as US dollars with as few digits as are exact: 12500000000n is "12.5". */
export function formatMoney(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? "-" : "";
  const absolute = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  const safe = absolute <= maximumSafe;
  const nanos = safe ? Number(absolute) % 1e9 : Number(absolute % nanoUsdPerUsd);
  // Only what can't be held by a number, above nine million dollars, is divided as a bigint.
  const whole = safe ? (Number(absolute) - nanos) / 1e9 : absolute / nanoUsdPerUsd;
  return nanos === 0 ? `${sign}${whole}` : `${sign}${whole}.${fractionOf(nanos)}`;
}

const maximumSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** Billionths, 1 to 999999999, as decimals without zeros at the end. */
function fractionOf(nanos: number): string {
  let digits = nanos;
  let count = 9;
  for (; digits % 10 === 0; count -= 1) digits /= 10;
  return String(digits).padStart(count, "0");
}

/** Returns `nanoUsd` if it fits int64; otherwise throws FIELD_INVALID naming `field`. */
export function checkMoney(nanoUsd: bigint, field = "amount"): bigint {
  if (nanoUsd >= minimumNanoUsd && nanoUsd <= maximumNanoUsd) return nanoUsd;
  throw fieldInvalid(field, "must fit 64 bits of nano-USD (about 9.22 billion USD)");
}

/** The sum in nano-USD. Throws FIELD_INVALID when it does not fit int64. */
export function addMoney(a: bigint, b: bigint): bigint {
  return checkMoney(a + b);
}

/** `nanoUsd` times a whole `factor`. Throws FIELD_INVALID when it does not fit int64. */
export function multiplyMoney(nanoUsd: bigint, factor: bigint): bigint {
  return checkMoney(nanoUsd * factor);
}

/**
 * The sum, held at the ends of int64 instead of failing: for totals that are only shown or
 * compared, where a wrong sign would be worse than a stuck number. Never for the ledger.
 */
export function addMoneySaturating(a: bigint, b: bigint): bigint {
  const sum = a + b;
  if (sum > maximumNanoUsd) return maximumNanoUsd;
  return sum < minimumNanoUsd ? minimumNanoUsd : sum;
}
