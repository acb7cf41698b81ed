import type { CompiledDeployment, CompiledTarget } from "@penstock/snapshot";
import type { Pool } from "undici";
import type { CredentialSource } from "./credentials.ts";
import { authenticationHeaders } from "./authenticate-attempt.ts";

/** Calls that run, of one deployment or one pool. */
export interface Load {
  inFlight: number;
}

/** A pool of connections and its load. */
export interface LoadedPool extends Load {
  /** Undefined: a file of the transport can't be read. */
  readonly pool: Pool | undefined;
  /** No call begins in it any more. */
  retired: boolean;
}

/** Everything about a call that does not change from call to call; made once per snapshot. */
export interface PreparedTarget {
  readonly target: CompiledTarget;
  readonly pool: LoadedPool;
  readonly load: Load;
  readonly path: string;
  readonly streamPath: string;
  /** `version` of the credentials that the headers were made with. */
  readonly credentialVersion: number;
  /** Flat, without `accept` and `x-request-id`; undefined: the credential is missing. */
  readonly headers: readonly string[] | undefined;
  /** The same with `accept`, for whole answers and for streams. */
  readonly unaryHeaders: readonly string[];
  readonly streamHeaders: readonly string[];
}

const ownHeaders = [
  ["content-type", "application/json"],
  ["accept-encoding", "identity"],
  ["user-agent", "penstock"],
].flat();

/** Headers, path and pool of a target. */
export function prepareTarget(
  target: CompiledTarget,
  credentials: CredentialSource,
  pool: LoadedPool,
  load: Load,
): PreparedTarget {
  const credentialVersion = credentials.version;
  const headers = headersOf(target.deployment, credentials);
  return {
    target,
    pool,
    load,
    path: target.deployment.path,
    streamPath: target.deployment.streamPath,
    credentialVersion,
    headers,
    unaryHeaders: [...(headers ?? []), "accept", "application/json"],
    streamHeaders: [...(headers ?? []), "accept", "text/event-stream"],
  };
}

function headersOf(
  { provider }: CompiledDeployment,
  credentials: CredentialSource,
): readonly string[] | undefined {
  const reference = provider.credential;
  const credential = reference === "" ? undefined : credentials.resolve(reference);
  const authentication = authenticationHeaders(provider, credential);
  if (authentication === undefined) return undefined;
  return [...authentication, ...ownHeaders, ...provider.staticHeaders];
}
