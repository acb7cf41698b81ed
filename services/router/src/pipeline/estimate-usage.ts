import type { EmbedRequest, GenerateRequest } from "@penstock/api";
import { leaseAmount } from "@penstock/limits";
import { estimateUsage, rateUsage } from "@penstock/pricing";
import type { UsageEstimate } from "@penstock/pricing";
import type { Caller, CompiledQuota, CompiledTarget } from "@penstock/snapshot";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import { modelsOf, targetsOf } from "./models-of.ts";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/**
 * What the request may use at most, and what of each quota that applies to it must be held. The
 * cost is that of the dearest target, so that whichever answers fits into what was held.
 */
export function estimate(context: RequestContext): Refusal {
  const { caller, request, route } = context;
  if (caller === undefined || request === undefined || route === undefined) {
    throw new Error("runs after resolve-route");
  }
  const targets = targetsOf(context);
  context.estimate =
    context.vectors === undefined
      ? estimateAnswer(request, context.requestBytes, targets)
      : estimateVectors(context.vectors, context.requestBytes);
  const quotas = quotasOf(context, caller, request);
  context.quotaUses = quotas.map((quota) => quotaUse(context, quota, targets));
  return undefined;
}

/** Nearly always all of the caller's own. */
function quotasOf(
  context: RequestContext,
  { quotas }: Caller,
  { labels }: GenerateRequest,
): readonly CompiledQuota[] {
  const models = modelsOf(context);
  const applies = (quota: CompiledQuota): boolean =>
    models.some((model) => quota.matches(model, labels));
  return quotas.every(applies) ? quotas : quotas.filter(applies);
}

function estimateAnswer(
  request: GenerateRequest,
  requestBytes: number,
  targets: readonly CompiledTarget[],
): UsageEstimate {
  let defaultMaxOutputTokens = 0;
  for (const target of targets) {
    const { deployment } = target;
    defaultMaxOutputTokens = Math.max(defaultMaxOutputTokens, deployment.defaultMaxOutputTokens);
  }
  return estimateUsage({
    requestBytes,
    requestedMaxOutputTokens: request.sampling?.maxOutputTokens,
    defaultMaxOutputTokens,
    candidateCount: request.candidateCount ?? 1,
  });
}

/** Vectors are not output. Tokens that the caller made itself are counted, not estimated. */
function estimateVectors({ inputs }: EmbedRequest, requestBytes: number): UsageEstimate {
  const usage = estimateUsage({ requestBytes, requestedMaxOutputTokens: 0 });
  let inputTokens = 0;
  for (const { input } of inputs) {
    if (input.case !== "tokens") return usage;
    inputTokens += input.value.tokens.length;
  }
  return { ...usage, inputTokens };
}

/** What one request must hold of one quota when it may go to any of the targets. */
export function quotaUse(
  context: RequestContext,
  quota: CompiledQuota,
  targets: readonly CompiledTarget[],
): QuotaUse {
  const usage = context.estimate;
  if (usage === undefined) throw new Error("runs after estimate-usage");
  const key = quota.keyFor(context.request?.endUser ?? "");
  return { quota, key, amount: amountFor(quota, usage, targets, context.startWallMs) };
}

function amountFor(
  quota: CompiledQuota,
  usage: UsageEstimate,
  targets: readonly CompiledTarget[],
  wallMs: number,
): number {
  switch (quota.unit) {
    case "requests":
      return 1;
    case "tokens":
      return usage.inputTokens + usage.outputTokens;
    case "nano_usd":
      return highestCost(usage, targets, wallMs);
  }
}

/** Cost at the dearest target, with every input token new and the dearest of the input classes. */
function highestCost(
  usage: UsageEstimate,
  targets: readonly CompiledTarget[],
  wallMs: number,
): number {
  let highest = 0n;
  for (const { deployment } of targets) {
    const prices = deployment.pricesAt(wallMs);
    if (prices === undefined) continue;
    const plainInput = prices.inputNanoUsdPerMillionTokens;
    const written = prices.cacheWriteInputNanoUsdPerMillionTokens ?? plainInput;
    const written1h = prices.cacheWrite1hInputNanoUsdPerMillionTokens ?? written;
    const keptLonger = written1h > written && written1h > plainInput;
    const plainOutput = prices.outputNanoUsdPerMillionTokens;
    const reasoning = prices.reasoningOutputNanoUsdPerMillionTokens ?? plainOutput;
    const cost = rateUsage(
      {
        inputTokens: usage.inputTokens,
        outputTokens: usage.outputTokens,
        cacheReadInputTokens: 0,
        cacheWriteInputTokens: keptLonger || written > plainInput ? usage.inputTokens : 0,
        cacheWrite1hInputTokens: keptLonger ? usage.inputTokens : 0,
        reasoningOutputTokens: reasoning > plainOutput ? usage.outputTokens : 0,
      },
      prices,
    );
    if (cost > highest) highest = cost;
  }
  return leaseAmount(highest);
}
