import { formats } from "@penstock/formats";
import type { CompiledDeployment, CompiledTarget } from "@penstock/snapshot";
import type { ConnectionPool } from "./connections/connection-pool.ts";
import type { CredentialSource } from "./credentials.ts";
import { authenticate } from "./authenticate-attempt.ts";
import type { Authentication } from "./authenticate-attempt.ts";
import { requestHead } from "./request-head.ts";

/** Calls that run, of one deployment or one pool. */
export interface Load {
  inFlight: number;
}

/** A pool of connections and its load. */
export interface LoadedPool extends Load {
  /** Undefined: a file of the transport can't be read. */
  readonly pool: ConnectionPool | undefined;
  /** No call begins in it any more. */
  retired: boolean;
}

/** Everything about a call that does not change from call to call; made once per snapshot. */
export interface PreparedTarget {
  readonly target: CompiledTarget;
  readonly pool: LoadedPool;
  readonly load: Load;
  /** Host and port as in the `host` header. */
  readonly host: string;
  readonly path: string;
  readonly streamPath: string;
  /** `version` of the credentials that the headers were made with. */
  readonly credentialVersion: number;
  /** Flat, without `accept` and `x-request-id`; undefined: the credential is missing. */
  readonly headers: readonly string[] | undefined;
  /** Makes the headers that each call has of its own. */
  readonly signer: Authentication["signer"];
  /** Media type of a streamed answer. */
  readonly streamMediaType: string;
  /** The same with `accept`. */
  readonly unaryHeaders: readonly string[];
  readonly streamHeaders: readonly string[];
  /** See `requestHead`: of a call that has no path and no headers of its own. */
  readonly unaryHead: string | undefined;
  readonly streamHead: string | undefined;
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
  const { deployment } = target;
  const authentication = authenticationOf(deployment, credentials);
  const headers = authentication && [
    ...authentication.headers,
    ...ownHeaders,
    ...deployment.provider.staticHeaders,
  ];
  const streamMediaType = mediaTypeOf(formats[deployment.format].streamContentType);
  const { host } = new URL(deployment.provider.origin);
  const { path, streamPath } = deployment;
  const unaryHeaders = [...(headers ?? []), "accept", "application/json"];
  const streamHeaders = [...(headers ?? []), "accept", streamMediaType];
  return {
    target,
    pool,
    load,
    host,
    path,
    streamPath,
    credentialVersion,
    headers,
    signer: authentication?.signer,
    streamMediaType,
    unaryHeaders,
    streamHeaders,
    unaryHead: requestHead(path, host, unaryHeaders),
    streamHead: requestHead(streamPath, host, streamHeaders),
  };
}

function authenticationOf(
  deployment: CompiledDeployment,
  credentials: CredentialSource,
): Authentication | undefined {
  const reference = deployment.provider.credential;
  return authenticate(deployment, reference === "" ? undefined : credentials.resolve(reference));
}

/** A content type without its parameters, in lower case. */
export function mediaTypeOf(contentType: string): string {
  const [mediaType = ""] = contentType.split(";", 1);
  return mediaType.trim().toLowerCase();
}
