import type { Capabilities, ModelCapabilities, ModelFacts, ModelTarget } from "@penstock/api";
import type { CompiledDeployment, CompiledTarget } from "@penstock/snapshot";
import { dearestPrices, toldPrices } from "./told-prices.ts";

/** Prices, bounds and abilities of one target at a wall time. */
export function modelTarget({ deployment }: CompiledTarget, wallMs: number): ModelTarget {
  return {
    $typeName: "penstock.inference.v1.ModelTarget",
    deployment: deployment.name,
    provider: deployment.provider.name,
    model: deployment.model,
    facts: factsOf(deployment, wallMs),
  };
}

/**
 * What holds whichever target answers: the dearest price of each class, the smallest bounds, what
 * none denies and all affirm. What one of them does not say is absent.
 */
export function commonFacts(targets: readonly ModelTarget[]): ModelFacts {
  const all = targets.flatMap(({ facts }) => facts ?? []);
  const common: ModelFacts = {
    $typeName: "penstock.inference.v1.ModelFacts",
    capabilities: commonCapabilities(all),
  };
  const prices = dearestPrices(all.map((facts) => facts.prices));
  if (prices !== undefined) common.prices = prices;
  const contextTokens = smallest(all.map((facts) => facts.contextTokens));
  if (contextTokens !== undefined) common.contextTokens = contextTokens;
  const maxOutputTokens = smallest(all.map((facts) => facts.maxOutputTokens));
  if (maxOutputTokens !== undefined) common.maxOutputTokens = maxOutputTokens;
  const [dimensions, ...others] = all.map((facts) => facts.embeddingDimensions);
  if (dimensions !== undefined && others.every((other) => other === dimensions)) {
    common.embeddingDimensions = dimensions;
  }
  return common;
}

function factsOf(deployment: CompiledDeployment, wallMs: number): ModelFacts {
  const { capabilities, embedding } = deployment;
  const facts: ModelFacts = {
    $typeName: "penstock.inference.v1.ModelFacts",
    capabilities: capabilitiesOf(capabilities, embedding !== undefined),
  };
  const prices = deployment.pricesAt(wallMs);
  if (prices !== undefined) facts.prices = toldPrices(prices);
  const { contextTokens, maxOutputTokens, embeddingDimensions } = capabilities;
  if (contextTokens !== undefined) facts.contextTokens = contextTokens;
  if (maxOutputTokens !== undefined) facts.maxOutputTokens = maxOutputTokens;
  if (embeddingDimensions !== undefined) facts.embeddingDimensions = embeddingDimensions;
  return facts;
}

function smallest(bounds: readonly (bigint | undefined)[]): bigint | undefined {
  let least: bigint | undefined;
  for (const bound of bounds) {
    if (bound === undefined) return undefined;
    if (least === undefined || bound < least) least = bound;
  }
  return least;
}

const abilities = [
  "generation",
  "embeddings",
  "streaming",
  "tools",
  "jsonSchema",
  "imageInput",
  "audioInput",
  "reasoning",
  "multipleCandidates",
] as const;

function capabilitiesOf(known: Readonly<Capabilities>, embeds: boolean): ModelCapabilities {
  const told: ModelCapabilities = { $typeName: "penstock.inference.v1.ModelCapabilities" };
  for (const ability of abilities) {
    const able = known[ability];
    if (able !== undefined) told[ability] = able;
  }
  // A kind of provider that can't be asked for vectors needs no word of its deployments.
  if (!embeds) told.embeddings = false;
  return told;
}

function commonCapabilities(all: readonly ModelFacts[]): ModelCapabilities {
  const common: ModelCapabilities = { $typeName: "penstock.inference.v1.ModelCapabilities" };
  for (const ability of abilities) {
    const said = all.map(({ capabilities }) => capabilities?.[ability]);
    if (said.includes(false)) common[ability] = false;
    else if (said.length > 0 && said.every((able) => able === true)) common[ability] = true;
  }
  return common;
}
