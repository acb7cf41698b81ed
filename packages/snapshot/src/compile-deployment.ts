import type { Capabilities, Deployment, Provider } from "@penstock/api";
import { CapabilitiesSchema } from "@penstock/api";
import { create } from "@bufbuild/protobuf";
import { wallMs } from "@penstock/limits";
import type { CompiledPriceBook } from "@penstock/pricing";
import { defaultMaximumOutputTokens } from "@penstock/pricing";
import { operationPath } from "@penstock/providers";
import type { OperationAddress, PathPlace } from "@penstock/providers";

import { formatCapabilities } from "./format-capabilities.ts";

import { addressOf, providerFacts, readCapabilities } from "./provider-facts.ts";
import type { ProviderFacts } from "./provider-facts.ts";
import type {
  CompiledCounting,
  CompiledDeployment,
  CompiledEmbedding,
  CompiledProvider,
  CompiledQuota,
} from "./snapshot.ts";

/** decisions: attempts at once of one deployment. */
const defaultMaxConcurrentRequests = 256;

/** A price book ready for look-ups, with the revision that usage records name. */
export interface RevisedPriceBook {
  readonly prices: CompiledPriceBook;
  readonly revision: bigint;
}

/** What a deployment is compiled from. */
export interface DeploymentParts {
  readonly deployment: Deployment;
  readonly provider: Provider;
  readonly compiledProvider: CompiledProvider;
  readonly priceBook: RevisedPriceBook | undefined;
  /** Quotas that name the deployment or its provider. */
  readonly quotas: readonly CompiledQuota[];
}

/** Makes a deployment ready; undefined when it or its provider would not pass validation. */
export function compileDeployment(parts: DeploymentParts): CompiledDeployment | undefined {
  const { deployment, provider, compiledProvider, priceBook } = parts;
  const facts = providerFacts(provider);
  const address = facts && addressOf(facts.addresses, deployment.format);
  if (facts === undefined || address === undefined) return undefined;
  const capabilities = mergeCapabilities([
    facts.capabilities,
    formatCapabilities[address.format],
    readCapabilities(address.capabilities ?? {}),
    provider.capabilities,
    deployment.capabilities,
  ]);
  const place = { basePath: facts.pathPrefix, apiVersion: facts.apiVersion };
  return {
    name: deployment.name,
    provider: compiledProvider,
    model: deployment.model,
    region: deployment.region,
    format: address.format,
    quirks: facts.quirks,
    capabilities,
    embedding: compileEmbedding(facts, deployment, capabilities),
    counting: compileCounting(address, deployment, { place, capabilities }),
    defaultMaxOutputTokens: deployment.defaultMaxOutputTokens ?? defaultMaximumOutputTokens,
    askedMaxOutputTokens:
      deployment.defaultMaxOutputTokens ?? numberOf(capabilities.maxOutputTokens),
    maxConcurrentRequests: deployment.maxConcurrentRequests ?? defaultMaxConcurrentRequests,
    priceBook: deployment.priceBook,
    priceBookRevision: priceBook?.revision ?? 0n,
    pricesAt: (timeMs) => priceBook?.prices.at(deployment.model, wallMs(timeMs)),
    quotas: parts.quotas,
    path: facts.pathPrefix + operationPath(address, deployment.model, false, place),
    streamPath: facts.pathPrefix + operationPath(address, deployment.model, true, place),
  };
}

function numberOf(count: bigint | undefined): number | undefined {
  return count === undefined ? undefined : Number(count);
}

/** Where the tokens of an input are counted; undefined where the deployment counts none. */
function compileCounting(
  { count }: OperationAddress,
  { model }: Deployment,
  of: { readonly place: PathPlace; readonly capabilities: Readonly<Capabilities> },
): CompiledCounting | undefined {
  if (count === undefined || of.capabilities.tokenCounting === false) return undefined;
  const path = of.place.basePath + operationPath(count, model, false, of.place);
  return { format: count.format, path };
}

/** How vectors are asked for; undefined where the deployment makes none. */
function compileEmbedding(
  { embed, pathPrefix, apiVersion }: ProviderFacts,
  deployment: Deployment,
  capabilities: Readonly<Capabilities>,
): CompiledEmbedding | undefined {
  if (embed === undefined || capabilities.embeddings === false) return undefined;
  return {
    format: embed.format,
    quirks: embed.quirks,
    path:
      pathPrefix +
      operationPath(embed, deployment.model, false, { basePath: pathPrefix, apiVersion }),
    vectorSpace: deployment.vectorSpace === "" ? deployment.model : deployment.vectorSpace,
    dimensions: capabilities.embeddingDimensions,
  };
}

/** Later ones win, field by field. */
function mergeCapabilities(
  levels: readonly (Partial<Capabilities> | undefined)[],
): Readonly<Capabilities> {
  const merged: Record<string, unknown> = {};
  for (const level of levels) {
    for (const [name, value] of Object.entries(level ?? {})) {
      if (value !== undefined && !name.startsWith("$")) merged[name] = value;
    }
  }
  return create(CapabilitiesSchema, merged);
}
