/** What breaks a connection, as far as its error's code tells. */
export type ConnectionCause =
  | "name_unknown"
  | "connection_refused"
  | "network_unreachable"
  | "tls_failed";

/** What the reader is told, after the name of who was called. */
export const connectionSentences: Readonly<Record<ConnectionCause, string>> = {
  name_unknown: "has a host name that can't be resolved",
  connection_refused: "refused the connection",
  network_unreachable: "can't be reached over the network",
  tls_failed: "could not be called, as TLS failed",
};

/** What the reader is told of an answer that is not HTTP. */
export const unreadableSentence = "sent an answer that can't be read";

const causes: ReadonlyMap<string, ConnectionCause> = new Map([
  ["ENOTFOUND", "name_unknown"],
  ["ENODATA", "name_unknown"],
  ["EAI_AGAIN", "name_unknown"],
  ["EAI_FAIL", "name_unknown"],
  ["EAI_NODATA", "name_unknown"],
  ["EAI_NONAME", "name_unknown"],
  ["ECONNREFUSED", "connection_refused"],
  ["EHOSTUNREACH", "network_unreachable"],
  ["ENETUNREACH", "network_unreachable"],
  ["EHOSTDOWN", "network_unreachable"],
]);

/** Names by which Node and OpenSSL tell that TLS failed: of a certificate, a name, a handshake. */
const tlsCode =
  /^(?:ERR_(?:TLS|SSL)_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH$|EPROTO$)/;

/** The cause behind a code of Node's; undefined: the code says nothing of that kind. */
export function connectionCauseOf(code: string): ConnectionCause | undefined {
  return tlsCode.test(code) ? "tls_failed" : causes.get(code);
}
