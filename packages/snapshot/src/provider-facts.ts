import type { Capabilities, Provider } from "@penstock/api";
import type { FormatName, FormatQuirks } from "@penstock/formats";
import type { BaseUrlCheck, Provider as ProviderKindData } from "@penstock/providers";
import { checkBaseUrl, findProvider } from "@penstock/providers";

/** What follows from the kind and the address of a provider. */
export interface ProviderFacts {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly pathPrefix: string;
  /** Path of the operation that generates, the prefix included. */
  readonly path: string;
  readonly format: FormatName;
  readonly quirks: FormatQuirks;
  /** Flat: name, value, name, value. */
  readonly staticHeaders: readonly string[];
  readonly capabilities: Partial<Capabilities>;
}

/** Checks the address of a provider; the kind's own when it states none. */
export function checkProviderAddress(kind: ProviderKindData, provider: Provider): BaseUrlCheck {
  const address = provider.baseUrl === "" ? kind.defaultBaseUrl : provider.baseUrl;
  if (address === undefined) return { ok: false, problem: "is required for this kind" };
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
  const operation = kind.operations.generate;
  return {
    origin: address.origin,
    pathPrefix: address.path,
    path: address.path + operation.path,
    format: operation.format,
    quirks: kind.quirks,
    staticHeaders: Object.entries(kind.headers).flat(),
    capabilities: readCapabilities(kind.capabilities),
  };
}

function readCapabilities(known: ProviderKindData["capabilities"]): Partial<Capabilities> {
  return {
    streaming: known.streaming,
    tools: known.tools,
    jsonSchema: known.jsonSchema,
    imageInput: known.images,
    audioInput: known.audioInput,
    multipleCandidates: known.multipleCandidates,
  };
}
