import { AttemptKind } from "@penstock/api";
import type { Attempt, TokenUsage } from "@penstock/api";
import { leaseAmount } from "@penstock/limits";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import type { RequestContext } from "./request-context.ts";
import { totalCost, totalUsage } from "./usage-event.ts";

/**
 * What each use of a whole request takes. A request that names several models holds the quotas of
 * all, and each of them takes what the attempts for its own models used. A hedge holds what it
 * takes itself (`hedgeQuotaUses`).
 */
export function requestAmounts(
  context: Pick<RequestContext, "attemptModels" | "request">,
  uses: readonly QuotaUse[],
  all: readonly Attempt[],
): number[] {
  const { attemptModels, request } = context;
  const attempts = all.some(isHedge) ? all.filter((attempt) => !isHedge(attempt)) : all;
  if (attemptModels.length === 0) {
    return actualAmounts(uses, totalUsage(attempts), totalCost(attempts));
  }
  const labels = request?.labels ?? {};
  return uses.map((use) => {
    const own = attempts.filter(({ number }) =>
      use.quota.matches(attemptModels[number - 1] ?? "", labels),
    );
    if (own.length === 0) return 0;
    return actualAmounts([use], totalUsage(own), totalCost(own))[0] ?? 0;
  });
}

function isHedge({ kind }: Attempt): boolean {
  return kind === AttemptKind.HEDGE;
}

/** What each use takes of a request that dies before it is answered: its input. */
export function unansweredAmounts(uses: readonly QuotaUse[], inputTokens: number): number[] {
  return uses.map(({ quota }) => {
    if (quota.unit === "requests") return 1;
    return quota.unit === "tokens" ? inputTokens : 0;
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
