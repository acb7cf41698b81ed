import type { EmbedRequest, GenerateRequest } from "@penstock/api";
import { leaseAmount } from "@penstock/limits";
import { mayServe } from "@penstock/formats";
import type { FormatName } from "@penstock/formats";
import { estimateUsage, highestCost } from "@penstock/pricing";
import type { CostBounds, UsageEstimate } from "@penstock/pricing";
import type { Caller, CompiledQuota, CompiledTarget } from "@penstock/snapshot";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import { mayBring } from "./media-brought.ts";
import { mediaOf, textBytes } from "./media-size.ts";
import { modelsOf, targetsOf } from "./models-of.ts";
import { hasOpenInput } from "./open-input.ts";
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
  context.media = mediaOf(context);
  context.estimate =
    context.vectors === undefined
      ? estimateAnswer(context, request, targets)
      : estimateVectors(context.vectors, context.requestBytes);
  const quotas = quotasOf(context, caller, request);
  if (quotas.length > 0) {
    context.quotaUses = quotas.map((quota) => quotaUse(context, quota, targets));
  }
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
  { media, requestBytes }: RequestContext,
  request: GenerateRequest,
  targets: readonly CompiledTarget[],
): UsageEstimate {
  let defaultMaxOutputTokens = 0;
  for (const target of targets) {
    const { deployment } = target;
    defaultMaxOutputTokens = Math.max(defaultMaxOutputTokens, deployment.defaultMaxOutputTokens);
  }
  return estimateUsage({
    requestBytes: textBytes(requestBytes, media),
    mediaTokens: media?.tokens ?? 0,
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
  return { quota, key, amount: amountFor(quota, usage, targets, context) };
}

function amountFor(
  quota: CompiledQuota,
  usage: UsageEstimate,
  targets: readonly CompiledTarget[],
  context: RequestContext,
): number {
  switch (quota.unit) {
    case "requests":
      return 1;
    case "tokens":
      return usage.inputTokens + usage.outputTokens;
    case "nano_usd":
      return dearestCost(context, usage, targets);
  }
}

/** Cost at the dearest target, by the dearest prices that it may charge (`highestCost`). */
function dearestCost(
  context: RequestContext,
  usage: UsageEstimate,
  targets: readonly CompiledTarget[],
): number {
  const bounds = new RequestBounds(context, usage);
  let highest = 0n;
  for (const { deployment } of targets) {
    const prices = deployment.pricesAt(context.startWallMs);
    if (prices === undefined) continue;
    bounds.format = deployment.format;
    const cost = highestCost(bounds, prices);
    if (cost > highest) highest = cost;
  }
  return leaseAmount(highest);
}

/** What a request may cost at a target of a format. */
class RequestBounds implements CostBounds {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the target. */
  format: FormatName = "openai-chat";
  readonly #context: RequestContext;
  #mostInputTokens: number | undefined;

  constructor(context: RequestContext, usage: UsageEstimate) {
    this.#context = context;
    this.inputTokens = usage.inputTokens;
    this.outputTokens = usage.outputTokens;
  }

  /** Reckoned only where prices rise with the input: that goes through all of a conversation. */
  get mostInputTokens(): number {
    return (this.#mostInputTokens ??= this.#mostTokens());
  }

  hasAudio(): boolean {
    return this.#mayBring("audio");
  }

  hasImages(): boolean {
    return this.#mayBring("image");
  }

  mayServe(serviceTier: string): boolean {
    const { request, vectors } = this.#context;
    // Vectors have no tiers.
    if (request === undefined || vectors !== undefined) return false;
    return mayServe(request, this.format, serviceTier);
  }

  #mostTokens(): number {
    const { media, request, requestBytes } = this.#context;
    if (request !== undefined && hasOpenInput(request)) return Infinity;
    // No token is less than a byte: where prices rise with the input, a guess is not enough.
    const mostTokens = textBytes(requestBytes, media) + (media?.tokens ?? 0);
    return Math.max(this.inputTokens, mostTokens);
  }

  #mayBring(kind: "audio" | "image"): boolean {
    const { request } = this.#context;
    return request !== undefined && mayBring(request, kind);
  }
}
