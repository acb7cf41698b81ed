import type { GenerateRequest } from "@penstock/api";
import { askedTier } from "@penstock/formats";
import { rateUsage } from "@penstock/pricing";
import type { UsageEstimate } from "@penstock/pricing";
import type { CompiledDeployment } from "@penstock/snapshot";
import type { Served } from "./affinity.ts";

/** A request as far as its expected cost depends on it. */
export interface ExpectedUse {
  readonly estimate: UsageEstimate;
  readonly request: GenerateRequest | undefined;
  readonly wallMs: number;
}

/**
 * What a request would cost at a deployment, by the tier that it asks for. Where its conversation has
 * a warm cache, that target reads it, and every other one would have to write it again: the lost
 * cache is part of the cost. Undefined: no price. Unit: nano-USD.
 */
export function expectedCost(
  { estimate, request, wallMs }: ExpectedUse,
  deployment: CompiledDeployment,
  served: Served | undefined,
): bigint | undefined {
  const { inputTokens, outputTokens } = estimate;
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
    prices.variants === undefined || request === undefined
      ? ""
      : askedTier(request, deployment.format),
  );
}
