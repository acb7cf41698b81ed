import { defaultMaximumOutputTokens, rateUsage } from "@penstock/pricing";
import type { CompiledQuota, Snapshot } from "@penstock/snapshot";
import type { QuotaUse } from "../leases/reserve-outcome.ts";

/** Quotas that a router asks about ahead of its first request. */
const maximumQuotas = 1_000;
/** A short request of a caller that states no maximum of output. Unit: tokens. */
const usage = {
  inputTokens: 100,
  outputTokens: defaultMaximumOutputTokens,
  cacheReadInputTokens: 0,
  cacheWriteInputTokens: 0,
  reasoningOutputTokens: 0,
};

/**
 * What one ordinary request would hold of each quota, so that a router has leases before its first
 * request instead of letting it wait. Quotas that count end users apart are left out: whose turn it
 * will be is not known.
 */
export function expectedUses(snapshot: Snapshot, wallMs: number): QuotaUse[] {
  const uses: QuotaUse[] = [];
  for (const quota of snapshot.quotas.values()) {
    if (uses.length >= maximumQuotas) break;
    if (quota.selector.endUserEach) continue;
    uses.push({ quota, key: quota.keyFor(""), amount: ordinaryAmount(quota, snapshot, wallMs) });
  }
  return uses;
}

function ordinaryAmount(quota: CompiledQuota, snapshot: Snapshot, wallMs: number): number {
  switch (quota.unit) {
    case "requests":
      return 1;
    case "tokens":
      return usage.inputTokens + usage.outputTokens;
    case "nano_usd": {
      let highest = 0n;
      for (const deployment of snapshot.deployments.values()) {
        const prices = deployment.pricesAt(wallMs);
        const cost = prices === undefined ? 0n : rateUsage(usage, prices);
        if (cost > highest) highest = cost;
      }
      return Number(highest);
    }
  }
}
