import type { EmbedRequest, GenerateRequest, RoutingWishes } from "@penstock/api";
import { askedTier, warnOfForeignParameters } from "@penstock/formats";
import type { FormatName, WishDialect } from "@penstock/formats";
import { pricesFor } from "@penstock/pricing";
import type { ModelPrices, TokenPrices } from "@penstock/pricing";
import { explainCondition } from "@penstock/snapshot";
import type { CompiledRoute, CompiledTarget, ConditionFacts } from "@penstock/snapshot";
import { embeddingUnfitness } from "../pipeline/embedding-fitness.ts";
import { unmetNeeds } from "./request-needs.ts";
import { pathOf } from "./resolve-wishes.ts";
import type { ResolvedWishes } from "./resolve-wishes.ts";

/** What decides whether a target can serve a request at all. */
export interface ExclusionInput {
  readonly request: GenerateRequest;
  /** Vectors that are asked for; undefined: an answer is. */
  readonly vectors: EmbedRequest | undefined;
  /** Of the model that is asked for. */
  readonly route: CompiledRoute;
  readonly stream: boolean;
  /** True when a budget applies: a target without a price can't be kept within it. */
  readonly budgeted: boolean;
  readonly wallMs: number;
  /** As estimated: prices may rise with them. */
  readonly inputTokens: number;
  /** The providers that wishes name; undefined: they name none. */
  readonly wishes: ResolvedWishes | undefined;
  readonly dialect: WishDialect | undefined;
  /** Providers that policies forbid, each with the policy; undefined: none. */
  readonly deniedProviders: ReadonlyMap<string, string> | undefined;
  /** Of the model that is asked for. Called where a target has a condition. */
  conditionFacts(): ConditionFacts;
}

/** The rule that excludes a target, and why in a sentence about it. */
export interface ExclusionRule {
  readonly rule: string;
  readonly reason: string;
  /** The same for administrators; absent: there is no more to say. */
  readonly detail?: string;
}

/** Why a target without prices is left out where money is counted, and what mends it. */
export const noPriceReason =
  "it has no price, and a budget applies to the request; give it a priceBook that prices its model";

/**
 * Why a target can't serve the request for one of its models, whenever it comes; undefined when it
 * can.
 */
export function exclusionOf(
  input: ExclusionInput,
  target: CompiledTarget,
  model: string,
): ExclusionRule | undefined {
  return (
    byPolicy(input, target) ??
    byWishes(input, target) ??
    byCondition(input, target, model) ??
    byCapability(input, target) ??
    byPrice(input, target)
  );
}

function byPolicy(input: ExclusionInput, target: CompiledTarget): ExclusionRule | undefined {
  const policy = input.deniedProviders?.get(target.deployment.provider.name);
  return policy === undefined
    ? undefined
    : { rule: policy, reason: `${policy} denies its provider` };
}

function byWishes(input: ExclusionInput, target: CompiledTarget): ExclusionRule | undefined {
  const { wishes, dialect } = input;
  if (wishes === undefined) return undefined;
  const provider = target.deployment.provider.name;
  if (wishes.only !== undefined && !wishes.only.has(provider)) {
    return {
      rule: pathOf("onlyProviders", dialect),
      reason: "the request asks for other providers",
    };
  }
  if (!wishes.ignore.has(provider)) return undefined;
  return {
    rule: pathOf("ignoreProviders", dialect),
    reason: "the request avoids its provider",
  };
}

function byCondition(
  input: ExclusionInput,
  { condition }: CompiledTarget,
  model: string,
): ExclusionRule | undefined {
  if (condition === undefined) return undefined;
  const asked = input.conditionFacts();
  const facts = asked.model === model ? asked : { ...asked, model };
  if (condition.judge(facts).holds) return undefined;
  // What a condition asks of callers is its owner's business.
  const detail = explainCondition(condition, facts);
  return { rule: "condition", reason: "its condition does not hold", detail };
}

function byCapability(input: ExclusionInput, target: CompiledTarget): ExclusionRule | undefined {
  const { request, stream, vectors, route } = input;
  const { capabilities } = target.deployment;
  if (vectors !== undefined) return embeddingUnfitness(route, vectors, target);
  if (capabilities.generation === false) {
    return { rule: "capability.generation", reason: "it lacks answers: it makes vectors" };
  }
  const required = request.routing?.requireParameters === true;
  const unmet = unmetNeeds(request, stream, capabilities)?.find(
    ({ droppable }) => required || !droppable,
  );
  if (unmet !== undefined) {
    const rule = unmet.droppable ? "require_parameters" : `capability.${unmet.capability}`;
    return { rule, reason: `it lacks ${unmet.words}` };
  }
  const lost = required ? lostParameter(request, target.deployment.format) : undefined;
  if (lost !== undefined)
    return { rule: "require_parameters", reason: `it would not get all: ${lost}` };
  const wanted = request.sampling?.maxOutputTokens;
  const most = capabilities.maxOutputTokens;
  if (wanted === undefined || most === undefined || BigInt(wanted) <= most) return undefined;
  return {
    rule: "capability.max_output_tokens",
    reason: `it lacks room for so many output tokens: it writes at most ${most}`,
  };
}

/** What a target of the format would not be sent, as the warning says it; undefined: nothing. */
function lostParameter(request: GenerateRequest, format: FormatName): string | undefined {
  let first: string | undefined;
  warnOfForeignParameters(request, format, (warning) => void (first ??= warning));
  return first;
}

function byPrice(input: ExclusionInput, target: CompiledTarget): ExclusionRule | undefined {
  const wishes = input.request.routing;
  if (!input.budgeted && wishes === undefined) return undefined;
  const prices = target.deployment.pricesAt(input.wallMs);
  if (prices === undefined && input.budgeted) {
    return { rule: "no_price", reason: noPriceReason };
  }
  const bound =
    wishes === undefined ? undefined : exceededPrice(wishes, pricesOf(input, target, prices));
  if (bound === undefined) return undefined;
  return {
    rule: `${input.dialect ?? "routing"}.${bound}`,
    reason: "it costs more than the request allows",
  };
}

/** The prices that are expected to hold: for the tier that is asked for, and the size. */
function pricesOf(
  { request, inputTokens }: ExclusionInput,
  target: CompiledTarget,
  prices: ModelPrices | undefined,
): TokenPrices | undefined {
  if (prices?.variants === undefined) return prices;
  return pricesFor(prices, askedTier(request, target.deployment.format), inputTokens);
}

/** The bound that the prices exceed; what has no price costs nothing that is known. */
function exceededPrice(wishes: RoutingWishes, prices: TokenPrices | undefined): string | undefined {
  const exceeds = (bound: bigint | undefined, price: bigint | undefined): boolean =>
    bound !== undefined && (price ?? 0n) > bound;
  const {
    maxInputPriceNanoUsdPerMillionTokens: input,
    maxOutputPriceNanoUsdPerMillionTokens: output,
    maxRequestPriceNanoUsd: request,
  } = wishes;
  if (exceeds(input, prices?.inputNanoUsdPerMillionTokens)) return "max_price.prompt";
  if (exceeds(output, prices?.outputNanoUsdPerMillionTokens)) return "max_price.completion";
  return exceeds(request, prices?.requestNanoUsd) ? "max_price.request" : undefined;
}
