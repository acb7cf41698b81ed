import { AttemptKind } from "@penstock/api";
import type { Attempt, TokenUsage } from "@penstock/api";
import { leaseAmount } from "@penstock/limits";
import type { CompiledQuota } from "@penstock/snapshot";
import { listOf } from "../leases/list-of.ts";
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
  const amounts = listOf<number>(uses.length);
  let at = 0;
  for (const { quota } of uses) {
    const { unit } = quota;
    amounts[at++] = unit === "requests" ? 1 : unit === "tokens" ? inputTokens : 0;
  }
  return amounts;
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
  const amounts = listOf<number>(uses.length);
  let at = 0;
  for (const { quota } of uses) amounts[at++] = actualAmount(quota, usage, costNanoUsd);
  return amounts;
}

function actualAmount(
  { unit }: CompiledQuota,
  usage: TokenUsage | undefined,
  costNanoUsd: bigint | undefined,
): number {
  switch (unit) {
    case "requests":
      return 1;
    case "tokens":
      return leaseAmount((usage?.inputTokens ?? 0n) + (usage?.outputTokens ?? 0n));
    case "nano_usd":
      return costNanoUsd === undefined ? 0 : leaseAmount(costNanoUsd);
  }
}
