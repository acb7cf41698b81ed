import { credentialHeaders, findProvider } from "@penstock/providers";
import type { Secret } from "@penstock/runtime";
import type { CompiledDeployment } from "@penstock/snapshot";
import { AwsSigner, readAwsKeys, regionOfHost } from "./aws-signature.ts";

/** How calls of a deployment say who calls. */
export interface Authentication {
  /** The same for all calls, flat. */
  readonly headers: readonly string[];
  /** Makes the headers that each call has of its own. Undefined: none has any. */
  readonly signer: AwsSigner | undefined;
}

/** What carries the credential; undefined: the provider needs one that is missing. */
export function authenticate(
  { provider, region }: CompiledDeployment,
  credential: Secret | undefined,
): Authentication | undefined {
  const kind = findProvider(provider.kind);
  if (kind === undefined) return undefined;
  if (credential === undefined && (provider.credential !== "" || kind.auth.required)) {
    return undefined;
  }
  const keys = credential && kind.auth.scheme === "aws" ? readAwsKeys(credential) : undefined;
  if (keys !== undefined && kind.auth.scheme === "aws") {
    const { host, hostname } = new URL(provider.origin);
    const scope = { host, region: regionOfHost(hostname) || region, service: kind.auth.service };
    return { headers: [], signer: new AwsSigner(keys, scope) };
  }
  const isToken = !/^(?:env|file):/.test(provider.credential);
  const headers = credentialHeaders(kind, credential?.reveal(), isToken).flat();
  return { headers, signer: undefined };
}
