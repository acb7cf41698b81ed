import type {
  Model,
  ModelCapabilities,
  ModelFacts,
  ModelPrices,
  ModelPriceVariant,
} from "@penstock/api";

/** Decimal places of a USD amount per token: nano-USD per million tokens are its smallest part. */
const decimals = 15;

/**
 * A model for callers of OpenAI's list. Beside its four fields stand those that other gateways have
 * (`context_window`, `max_tokens`, `pricing` in USD per token as decimal text), which hold whichever
 * deployment answers, and in `penstock` each of the deployments.
 */
export function describeModel({ name, route, facts, targets }: Model): Record<string, unknown> {
  return {
    id: name,
    object: "model",
    created: 0,
    owned_by: "penstock",
    ...describeFacts(facts),
    penstock: {
      route,
      targets: targets.map(({ deployment, provider, model, facts: own }) => ({
        deployment,
        provider,
        model,
        ...describeFacts(own),
      })),
    },
  };
}

function describeFacts(facts: ModelFacts | undefined): Record<string, unknown> {
  if (facts === undefined) return {};
  const { contextTokens, maxOutputTokens, embeddingDimensions, prices, capabilities } = facts;
  return {
    context_window: contextTokens === undefined ? undefined : Number(contextTokens),
    max_tokens: maxOutputTokens === undefined ? undefined : Number(maxOutputTokens),
    embedding_dimensions: embeddingDimensions,
    pricing: prices === undefined ? undefined : describePrices(prices),
    pricing_variants: describeVariants(prices?.variants ?? []),
    capabilities: capabilities === undefined ? undefined : describeCapabilities(capabilities),
  };
}

function describePrices(prices: ModelPrices): Record<string, string | undefined> {
  return {
    input: perToken(prices.inputNanoUsdPerMillionTokens),
    output: perToken(prices.outputNanoUsdPerMillionTokens),
    input_cache_read: perToken(prices.cacheReadInputNanoUsdPerMillionTokens),
    input_cache_write: perToken(prices.cacheWriteInputNanoUsdPerMillionTokens),
    input_cache_write_1h: perToken(prices.cacheWrite1hInputNanoUsdPerMillionTokens),
    output_reasoning: perToken(prices.reasoningOutputNanoUsdPerMillionTokens),
    input_audio: perToken(prices.audioInputNanoUsdPerMillionTokens),
    output_audio: perToken(prices.audioOutputNanoUsdPerMillionTokens),
    input_audio_cache_read: perToken(prices.audioCacheReadInputNanoUsdPerMillionTokens),
    input_image: perToken(prices.imageInputNanoUsdPerMillionTokens),
    output_image: perToken(prices.imageOutputNanoUsdPerMillionTokens),
    request: decimal(prices.requestNanoUsd, 9),
  };
}

/** What some requests cost instead, by tier and size; most specific first. */
function describeVariants(
  variants: readonly ModelPriceVariant[],
): Record<string, unknown>[] | undefined {
  if (variants.length === 0) return undefined;
  return variants.map(({ serviceTier, aboveInputTokens: above, prices }) => ({
    service_tier: serviceTier === "" ? undefined : serviceTier,
    above_input_tokens: above === undefined ? undefined : Number(above),
    pricing: prices && describePrices(prices),
  }));
}

function describeCapabilities(
  capabilities: ModelCapabilities,
): Record<string, boolean | undefined> {
  return {
    generation: capabilities.generation,
    embeddings: capabilities.embeddings,
    streaming: capabilities.streaming,
    tools: capabilities.tools,
    json_schema: capabilities.jsonSchema,
    image_input: capabilities.imageInput,
    audio_input: capabilities.audioInput,
    reasoning: capabilities.reasoning,
    multiple_candidates: capabilities.multipleCandidates,
  };
}

/** USD per token, as exact decimal text. */
function perToken(nanoUsdPerMillionTokens: bigint | undefined): string | undefined {
  return decimal(nanoUsdPerMillionTokens, decimals);
}

function decimal(amount: bigint | undefined, places: number): string | undefined {
  if (amount === undefined) return undefined;
  const digits = amount.toString().padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  const whole = digits.slice(0, -places);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
