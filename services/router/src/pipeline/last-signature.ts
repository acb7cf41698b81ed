import type { Answer } from "@penstock/formats";

/** Signature of the last reasoning of an answer. */
export function lastSignature({ candidates }: Answer): string | undefined {
  let last: string | undefined;
  for (const { part } of candidates[0]?.parts ?? []) {
    if (part.case === "reasoning") last = part.value.signature ?? last;
  }
  return last;
}
