import type { Capabilities, Provider } from "@penstock/api";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { FormatQuirks } from "@penstock/formats";
import type {
  BaseUrlCheck,
  EmbeddingAddress,
  OperationAddress,
  OperationAddresses,
  Provider as ProviderKindData,
} from "@penstock/providers";
import { checkBaseUrl, findProvider } from "@penstock/providers";

/** What follows from the kind and the address of a provider. */
export interface ProviderFacts {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly pathPrefix: string;
  /** Version of the API; empty where addresses have none. */
  readonly apiVersion: string;
  /** Where and in which formats the operation that generates is asked for. */
  readonly addresses: OperationAddresses;
  /** Where vectors are asked for; undefined: nowhere. */
  readonly embed: EmbeddingAddress | undefined;
  readonly quirks: FormatQuirks;
  /** Flat: name, value, name, value. */
  readonly staticHeaders: readonly string[];
  readonly capabilities: Partial<Capabilities>;
}

/** Checks the address of a provider; the kind's own when it states none. */
export function checkProviderAddress(
  kind: Partial<Pick<ProviderKindData, "defaultBaseUrl" | "exampleBaseUrl">>,
  provider: Provider,
): BaseUrlCheck {
  const address = provider.baseUrl === "" ? kind.defaultBaseUrl : provider.baseUrl;
  if (address === undefined) {
    const example = kind.exampleBaseUrl === undefined ? "" : `, such as ${kind.exampleBaseUrl}`;
    return { ok: false, problem: `is required for this kind${example}` };
  }
  return checkBaseUrl(address, {
    privateNetwork: provider.privateNetwork,
    allowedCidrs: provider.transport?.allowedCidrs ?? [],
    allowInsecure: false,
  });
}

/** The facts of a provider that passed validation; undefined for any other. */
export function providerFacts(provider: Provider): ProviderFacts | undefined {
  const kind = findProvider(provider.kind);
  if (kind === undefined) return undefined;
  const address = checkProviderAddress(kind, provider);
  if (!address.ok) return undefined;
  return {
    origin: address.origin,
    pathPrefix: address.path,
    apiVersion: provider.apiVersion === "" ? (kind.defaultApiVersion ?? "") : provider.apiVersion,
    addresses: kind.operations.generate,
    embed: kind.operations.embed,
    quirks: kind.quirks,
    staticHeaders: Object.entries(kind.headers).flat(),
    capabilities: readCapabilities(kind.capabilities),
  };
}

/** The address of the chosen format, the first one where none is chosen; undefined: not offered. */
export function addressOf(
  addresses: OperationAddresses,
  format: string | undefined,
): OperationAddress | undefined {
  if (format === undefined) return addresses[0];
  return addresses.find((address) => address.format === format);
}

/** Capabilities as configuration writes them. */
export function readCapabilities(
  known: Partial<ProviderKindData["capabilities"]>,
): Partial<Capabilities> {
  return {
    streaming: known.streaming,
    tools: known.tools,
    jsonSchema: known.jsonSchema,
    imageInput: known.images,
    audioInput: known.audioInput,
    multipleCandidates: known.multipleCandidates,
    fileInput: known.files,
    logprobs: known.logprobs,
    seed: known.seed,
    stopSequences: known.stopSequences,
    topK: known.topK,
    penalties: known.penalties,
    prefill: known.prefill,
    reasoning: known.reasoning,
    promptCacheLifetime:
      known.promptCacheLifetimeMs === undefined
        ? undefined
        : durationFromMs(known.promptCacheLifetimeMs),
  };
}
