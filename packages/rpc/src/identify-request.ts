import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { ArrivalFacts, Identity } from "./call-state.ts";
import { differingValues } from "./differing-values.ts";
import type { Authenticate } from "./interceptors/authentication.ts";
import { identifyCaller } from "./interceptors/authentication.ts";
import { peerCertificateOf } from "./tls/peer-certificate.ts";

/** What a port knows of a request that its headers do not tell. */
export function arrivalOf(request: IncomingMessage | Http2ServerRequest): ArrivalFacts {
  return {
    certificate: peerCertificateOf(request),
    ambiguous: differingValues(request.rawHeaders, "authorization"),
  };
}

/**
 * Who sends a plain request, such as one for `/metrics`, by the rules of RPCs. Throws
 * ADMIN_UNAUTHENTICATED.
 */
export function identifyRequest(
  request: IncomingMessage | Http2ServerRequest,
  authenticate: Authenticate,
): Promise<Identity> {
  const { authorization } = request.headers;
  const header = new Headers(authorization === undefined ? {} : { authorization });
  return identifyCaller({ header, arrival: arrivalOf(request) }, authenticate);
}
