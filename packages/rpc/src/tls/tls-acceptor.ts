import type { Server } from "node:tls";
import { createServer } from "node:tls";
import type { ConnectionTakers } from "../connection-switch.ts";
import type { TlsSource } from "./tls-source.ts";

/** A client that does not finish its handshake by then is disconnected (security.md R7). */
const handshakeTimeoutMs = 15_000;

/**
 * A server that opens TLS and hands the connection to the one that speaks the protocol agreed on.
 * Client certificates are asked for and judged later, by the gate: what needs no credential is
 * also open to clients without one, and a refusal can say why.
 */
export function createTlsAcceptor(source: TlsSource, takers: ConnectionTakers): Server {
  const server = createServer({
    ...source.options(),
    ALPNProtocols: ["h2", "http/1.1"],
    requestCert: source.asksForCertificate,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
    noDelay: true,
  });
  server.on("secureConnection", (socket) => {
    (socket.alpnProtocol === "h2" ? takers.http2 : takers.http1).emit("connection", socket);
  });
  server.on("tlsClientError", source.reportFailure);
  source.onChange((options) => server.setSecureContext(options));
  return server;
}
