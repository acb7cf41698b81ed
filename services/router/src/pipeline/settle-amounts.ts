import type { TokenUsage } from "@penstock/api";
import { leaseAmount } from "@penstock/limits";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import type { RequestContext } from "./request-context.ts";

/**
 * What each use of a whole request takes. A request that names several models holds the quotas of
 * all; those of models that nobody was asked for take nothing.
 */
export function requestAmounts(
  context: Pick<RequestContext, "askedModels" | "request">,
  uses: readonly QuotaUse[],
  usage: TokenUsage | undefined,
  costNanoUsd: bigint | undefined,
): number[] {
  const amounts = actualAmounts(uses, usage, costNanoUsd);
  const { askedModels, request } = context;
  if (askedModels.size === 0) return amounts;
  const labels = request?.labels ?? {};
  return uses.map(({ quota }, at) => {
    const applied = [...askedModels].some((model) => quota.matches(model, labels));
    return applied ? (amounts[at] ?? 0) : 0;
  });
}

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
