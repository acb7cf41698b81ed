import type { Secret } from "@penstock/runtime";

/** A secret that a cloud gave for a while. */
export interface ExpiringSecret {
  /**
   * What is sent or signed with: a bearer token as it is; for AWS access key id, secret key and
   * session token, joined by colons, which is also how a static `env:` or `file:` secret writes them.
   */
  readonly secret: Secret;
  /** Wall time in ms since 1970 from which the cloud refuses it. */
  readonly expireTimeMs: number;
}

/**
 * Keyless identity of one cloud: the port that all clouds fit. An implementation knows its vendor's
 * own credential chain (environment, files, workload identity, metadata service) and nothing else:
 * `IdentityTokens` keeps what it obtains, obtains the next one before that expires, tries again
 * after failures, and tells operators. It is listed in `cloud-identities.ts`.
 */
export interface CloudIdentity {
  /** Name of the cloud for people. */
  readonly displayName: string;
  /** Scheme of the credential references that it answers, such as `google-adc`; no colon. */
  readonly scheme: string;
  /**
   * Obtains a secret anew; never one that it remembers. `argument` is what follows the colon of
   * the reference, and often empty. Called off the request path, one call at a time for each
   * reference. Rejects with words for an operator, free of secrets; `signal` ends it in time.
   */
  obtain(argument: string, signal: AbortSignal): Promise<ExpiringSecret>;
}

/** Scheme and argument of a credential reference such as `google-adc:`. */
export function splitReference(reference: string): { scheme: string; argument: string } {
  const colon = reference.indexOf(":");
  if (colon < 0) return { scheme: "", argument: "" };
  return { scheme: reference.slice(0, colon), argument: reference.slice(colon + 1) };
}
