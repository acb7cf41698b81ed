import { connectionSentences } from "@penstock/errors";
import { namesNoModel } from "@penstock/formats";
import type { UpstreamFailure } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import type { TransportCause } from "../upstream/upstream-call.ts";

/** What is known of a failure beyond its class, where that changes what has to be done. */
export type FailureCause =
  | TransportCause
  | "path_unknown"
  | "redirected"
  | "status_unknown"
  | "no_credential";

/**
 * What the caller reads after the provider's name in place of its class's words; `{status}` stands
 * for that of the answer.
 */
export const causeSentences: Readonly<Record<FailureCause, string>> = {
  ...connectionSentences,
  address_refused: "is at an address that may not be called",
  connection_dropped: "dropped the connection before it answered",
  path_unknown: "answered 404 and named no model: its base URL may be wrong",
  redirected: "answered {status}, a redirect, which Penstock never follows: its base URL is wrong",
  status_unknown: "refused the request with status {status}, of which no meaning is known",
  no_credential: "asks for a credential, and none is configured for it",
};

/** The cause of an error answer; undefined: its class says it all. */
export function causeOfAnswer(
  failure: UpstreamFailure,
  { deployment }: CompiledTarget,
  answer: { readonly inBand: boolean },
): FailureCause | undefined {
  if (namesNoModel(failure)) return "path_unknown";
  if (failure.rule === "status-redirect") return "redirected";
  // No row decided; what is not the server's own failure is taken for a refusal.
  const isUnknown = failure.rule === "" && failure.class === "BAD_REQUEST" && !answer.inBand;
  if (isUnknown) return "status_unknown";
  const asksForKey = failure.class === "AUTH_FAILED" && deployment.provider.credential === "";
  return asksForKey ? "no_credential" : undefined;
}

/** A longer origin of a redirect is not told. */
const longestOrigin = 256;

/**
 * Where a redirect leads: scheme, host and port alone, as a path or a query may hold a secret.
 * Undefined: it does not say, or what it says is no address of a web server.
 */
export function redirectOrigin(
  location: string | undefined,
  { deployment }: CompiledTarget,
): string | undefined {
  const base = deployment.provider.origin;
  if (location === undefined || !URL.canParse(location, base)) return undefined;
  const { protocol, origin } = new URL(location, base);
  const isWeb = protocol === "https:" || protocol === "http:";
  return isWeb && origin.length <= longestOrigin ? origin : undefined;
}
