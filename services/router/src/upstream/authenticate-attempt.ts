import { credentialHeaders, findProvider } from "@penstock/providers";
import type { Secret } from "@penstock/runtime";
import type { CompiledProvider } from "@penstock/snapshot";

/** The headers that carry the credential, flat; undefined: the provider needs one that is missing. */
export function authenticationHeaders(
  provider: CompiledProvider,
  credential: Secret | undefined,
): readonly string[] | undefined {
  const kind = findProvider(provider.kind);
  if (kind === undefined) return undefined;
  if (credential === undefined && (provider.credential !== "" || kind.auth.required)) {
    return undefined;
  }
  return credentialHeaders(kind, credential?.reveal()).flat();
}
