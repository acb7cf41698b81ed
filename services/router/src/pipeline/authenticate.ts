import { GatewayError } from "@penstock/errors";
import type { Tracer } from "@penstock/observability";
import { claimedKeyId, keyMatches } from "@penstock/runtime";
import type { RequestContext } from "./request-context.ts";
import type { Refusal } from "./stage.ts";

/** What the stage uses. */
export interface AuthenticateParts {
  readonly tracer: Tracer;
  /** Whether a key is revoked by an entry whose head has not come yet. */
  isRevoked(virtualKey: string): boolean;
}

/** Compared when no such key is known, so that both cases cost the same. */
const unknownKeyHash = new Uint8Array(32);

/**
 * Stands for the secret of a request that names two. Callers with a vendor's key in their
 * environment send it beside the virtual one, and would look in vain for one that is missing.
 */
export const differingKeys = "two keys that differ";

const twoKeys =
  "The request carries two keys that differ, in Authorization, x-api-key or api-key. " +
  "Send the virtual key alone.";
const badKey = "The virtual key is not valid. Check it, or ask an administrator for a new one.";

/**
 * Virtual key → caller, by the snapshot alone: the public id, then the hash of the whole text in
 * constant time, which a text of another form or with a wrong checksum does not have. Also decides
 * whose trace the request belongs to. Does nothing for a request that was authenticated before its
 * body was read.
 */
export function authenticate(context: RequestContext, parts: AuthenticateParts): Refusal {
  if (context.caller !== undefined) return undefined;
  const { snapshot, token } = context;
  if (snapshot === undefined) {
    return new GatewayError(
      "NOT_READY",
      "The gateway has no configuration yet. Try again in a moment.",
      { retryAfterMs: 1_000 },
    );
  }
  if (token === "") {
    return new GatewayError(
      "KEY_MISSING",
      "No virtual key was given. Send it as `Authorization: Bearer psk_…`.",
    );
  }
  if (token === differingKeys) return new GatewayError("KEY_INVALID", twoKeys);
  const id = claimedKeyId(token, "psk");
  if (id === undefined) return new GatewayError("KEY_INVALID", badKey);
  const credential = snapshot.credentials.get(id);
  const equal = keyMatches(token, credential?.sha256 ?? unknownKeyHash);
  if (credential === undefined || !equal) return new GatewayError("KEY_INVALID", badKey);
  const { caller } = credential;
  context.caller = caller;
  context.principal = caller.principal;
  adoptTrace(context, caller.trustTraceContext, parts.tracer);
  const now = context.startWallMs;
  if (caller.revokeTimeMs <= now || parts.isRevoked(caller.virtualKey)) {
    return new GatewayError("KEY_REVOKED", "The virtual key was revoked. Use another one.", {
      metadata: { virtual_key: caller.virtualKey },
    });
  }
  if (caller.expireTimeMs <= now || credential.expireTimeMs <= now) {
    return new GatewayError("KEY_EXPIRED", "The virtual key has expired. Rotate or renew it.", {
      metadata: { virtual_key: caller.virtualKey },
    });
  }
  return undefined;
}

function adoptTrace(context: RequestContext, trusted: boolean, tracer: Tracer): void {
  if (context.parent === undefined || trusted) return;
  context.trace = tracer.newContext();
  context.links = [context.parent];
}
