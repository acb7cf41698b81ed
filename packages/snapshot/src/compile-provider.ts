import type { Provider } from "@penstock/api";

import { providerFacts } from "./provider-facts.ts";
import type { CompiledProvider } from "./snapshot.ts";

/** Makes a provider ready; undefined for one that would not pass validation. */
export function compileProvider(provider: Provider): CompiledProvider | undefined {
  const facts = providerFacts(provider);
  if (facts === undefined) return undefined;
  return {
    name: provider.name,
    kind: provider.kind,
    origin: facts.origin,
    pathPrefix: facts.pathPrefix,
    credential: provider.credential,
    privateNetwork: provider.privateNetwork,
    transport: provider.transport,
    staticHeaders: facts.staticHeaders,
  };
}
