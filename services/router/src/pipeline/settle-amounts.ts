import type { TokenUsage } from "@penstock/api";
import { leaseAmount } from "@penstock/limits";
import type { QuotaUse } from "../leases/reserve-outcome.ts";

/**
 * What each use takes in the end: one request, its tokens, its cost. Parallel to `uses`. Cut to what
 * a lease can hold: the counts are a provider's words.
 */
export function actualAmounts(
  uses: readonly QuotaUse[],
  usage: TokenUsage | undefined,
  costNanoUsd: bigint | undefined,
): number[] {
  return uses.map(({ quota }) => {
    switch (quota.unit) {
      case "requests":
        return 1;
      case "tokens":
        return leaseAmount((usage?.inputTokens ?? 0n) + (usage?.outputTokens ?? 0n));
      case "nano_usd":
        return leaseAmount(costNanoUsd ?? 0n);
    }
  });
}
