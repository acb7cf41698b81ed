import type { Authenticate, Transport } from "@penstock/rpc";
import { callOptions } from "@penstock/rpc";
import { hashKey, keysEqual } from "@penstock/runtime";
import type { Clock, Secret } from "@penstock/runtime";
import { createTokenClient } from "./api/clients.ts";
import { TokenIdentities } from "./token-identities.ts";

/** Either token becomes an identity; the service token is compared in constant time. */
export function identify(serviceToken: Secret, authenticateAdmin: Authenticate): Authenticate {
  const expected = hashKey(serviceToken.reveal());
  return (token) =>
    keysEqual(hashKey(token), expected)
      ? { kind: "service", name: "penstock", roles: [] }
      : authenticateAdmin(token);
}

/** Longest wait for the policy service; it answers from memory. */
const askTimeoutMs = 2_000;

/** Administrators' tokens where the policy service is in another process. */
export function askPolicy(transport: Transport, clock: Clock): Authenticate {
  const tokens = createTokenClient(transport);
  const identities = new TokenIdentities(async (sha256) => {
    const options = callOptions({ timeoutMs: askTimeoutMs });
    const { known, name, roles } = await tokens.identifyToken({ sha256 }, options);
    return known ? { kind: "admin", name, roles } : undefined;
  }, clock);
  return (token) => identities.authenticate(token);
}
