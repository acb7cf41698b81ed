import type { FieldProblems } from "../field-problems.ts";

/** As much as fits a 64-bit count of nano-USD, with room. Unit: USD. */
const mostUsd = 1_000_000_000;

/** Reads an amount in US dollars, a number or decimal text, as nano-USD; rounds the tenth digit. */
export function readUsd(
  problems: FieldProblems,
  field: string,
  value: unknown,
): bigint | undefined {
  const usd =
    typeof value === "string" && /^\d{1,10}(\.\d{1,18})?$/.test(value) ? Number(value) : value;
  if (typeof usd !== "number" || !(usd >= 0 && usd <= mostUsd)) {
    problems.add(field, `must be an amount in US dollars from 0 to ${mostUsd}`);
    return undefined;
  }
  return BigInt(usd.toFixed(9).replace(".", ""));
}
