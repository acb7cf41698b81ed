import type { X509Certificate } from "node:crypto";
import type { Http2ServerRequest } from "node:http2";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { Identity } from "../call-state.ts";

/** What a client certificate amounts to; a problem is the end of a sentence. */
export type PeerCertificate = { readonly identity: Identity } | { readonly problem: string };

/** Services whose name may stand as common name, for authorities that write no URIs. */
const serviceNames = ["router", "policy", "quota", "telemetry"];

const identityUri = /^URI:spiffe:\/\/penstock\/([a-z][a-z0-9-]{0,62})$/;

/** One look at a connection is enough: its certificate never changes. */
const known = new WeakMap<object, { readonly peer: PeerCertificate | undefined }>();

/** The client certificate of the connection of a request; undefined when there is none. */
export function peerCertificateOf(
  request: IncomingMessage | Http2ServerRequest,
): PeerCertificate | undefined {
  const session = "stream" in request ? request.stream.session : undefined;
  const connection = session ?? request.socket;
  if (session === undefined && !(connection instanceof TLSSocket)) return undefined;
  if (session !== undefined && session.encrypted !== true) return undefined;
  const found = known.get(connection);
  if (found !== undefined) return found.peer;
  const peer = judge((session?.socket ?? connection) as TLSSocket);
  known.set(connection, { peer });
  return peer;
}

function judge(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  if (!socket.authorized) {
    const error: unknown = socket.authorizationError;
    const code = error instanceof Error ? error.message : String(error);
    return { problem: `is not trusted here: ${explanations.get(code) ?? code}` };
  }
  const name = serviceNameOf(certificate);
  if (name === undefined) {
    return { problem: "names no service; it needs the one URI spiffe://penstock/<role>" };
  }
  return { identity: { kind: "service", name, role: name, roles: [] } };
}

/** Words for what OpenSSL says most. */
const explanations = new Map([
  ["CERT_HAS_EXPIRED", "it has expired"],
  ["CERT_NOT_YET_VALID", "it is not good yet"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "it signs itself"],
  ["INVALID_PURPOSE", "it is not for clients"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "its authority is not known"],
  ["UNABLE_TO_GET_ISSUER_CERT", "its authority is not known"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "its authority is not known"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "its authority is not known"],
]);

function serviceNameOf(certificate: X509Certificate): string | undefined {
  const text = certificate.subjectAltName ?? "";
  // Node quotes a name that holds a separator, and such a name could hold one of ours.
  if (text.includes('"')) return undefined;
  const uris = text.split(", ").filter((name) => name.startsWith("URI:"));
  if (uris.length > 0) return uris.length === 1 ? identityUri.exec(uris[0] ?? "")?.[1] : undefined;
  const commonName: unknown = certificate.toLegacyObject().subject.CN;
  return serviceNames.find((name) => name === commonName);
}
