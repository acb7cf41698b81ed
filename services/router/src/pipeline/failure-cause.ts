import { connectionSentences } from "@penstock/errors";
import { namesNoModel } from "@penstock/formats";
import type { UpstreamFailure } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import type { TransportCause } from "../upstream/upstream-call.ts";

/** What is known of a failure beyond its class, where that changes what has to be done. */
export type FailureCause = TransportCause | "path_unknown" | "no_credential";

/** What the caller reads after the provider's name in place of its class's words. */
export const causeSentences: Readonly<Record<FailureCause, string>> = {
  ...connectionSentences,
  address_refused: "is at an address that may not be called",
  connection_dropped: "dropped the connection before it answered",
  path_unknown: "answered 404 and named no model: its base URL may be wrong",
  no_credential: "asks for a credential, and none is configured for it",
};

/** The cause of an error answer; undefined: its class says it all. */
export function causeOfAnswer(
  failure: UpstreamFailure,
  { deployment }: CompiledTarget,
): FailureCause | undefined {
  if (namesNoModel(failure)) return "path_unknown";
  const asksForKey = failure.class === "AUTH_FAILED" && deployment.provider.credential === "";
  return asksForKey ? "no_credential" : undefined;
}
