import { rateUsage } from "@penstock/pricing";
import type { UsageEstimate } from "@penstock/pricing";
import type { CompiledDeployment } from "@penstock/snapshot";
import type { Served } from "./affinity.ts";

/**
 * What a request would cost at a deployment. Where its conversation has a warm cache, that target
 * reads it, and every other one would have to write it again: the lost cache is part of the cost.
 * Undefined: no price. Unit: nano-USD.
 */
export function expectedCost(
  { inputTokens, outputTokens }: UsageEstimate,
  deployment: CompiledDeployment,
  served: Served | undefined,
  wallMs: number,
): bigint | undefined {
  const prices = deployment.pricesAt(wallMs);
  if (prices === undefined) return undefined;
  const cached = Math.min(inputTokens, served?.cachedTokens ?? 0);
  const warm = served?.deployment === deployment.name;
  return rateUsage(
    {
      inputTokens,
      outputTokens,
      cacheReadInputTokens: warm ? cached : 0,
      cacheWriteInputTokens: warm ? 0 : cached,
      reasoningOutputTokens: 0,
    },
    prices,
  );
}
