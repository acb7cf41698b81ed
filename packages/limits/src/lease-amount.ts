import { fieldInvalid } from "./field-invalid.ts";

/**
 * The most one lease may hold: 2^53 - 1 units. Inside a router amounts are plain numbers, because
 * every request touches several leases; as nano-USD this cap is about 9 million USD per lease and
 * period, as tokens or requests it is out of reach. Quota, wire and money use bigint.
 */
export const maximumLeaseAmount: number = Number.MAX_SAFE_INTEGER;

const maximumLeaseAmountBigInt = BigInt(maximumLeaseAmount);

/**
 * A granted or charged amount (bigint, as on the wire) as a router's number. Above the cap it is
 * cut to the cap, which can only make a lease smaller; a negative one throws FIELD_INVALID.
 */
export function leaseAmount(amount: bigint): number {
  if (amount < 0n) throw fieldInvalid("amount", "must not be negative");
  return amount > maximumLeaseAmountBigInt ? maximumLeaseAmount : Number(amount);
}

/** Returns `amount` if it is a whole number from 0 to the cap, otherwise throws FIELD_INVALID. */
export function checkLeaseAmount(amount: number, field: string): number {
  if (Number.isSafeInteger(amount) && amount >= 0) return amount;
  throw fieldInvalid(field, `must be a whole number from 0 to ${maximumLeaseAmount}`);
}
