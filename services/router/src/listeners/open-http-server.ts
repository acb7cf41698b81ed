import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { TlsSource } from "@penstock/rpc";

/** A server of the HTTP door that does not listen yet, over TLS where there are files for it. */
export function openHttpServer(
  tls: TlsSource | undefined,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const limits = {
    headersTimeout: 15_000,
    requestTimeout: 75_000,
    keepAliveTimeout: 75_000,
    maxHeaderSize: 16_384,
    noDelay: true,
  };
  if (tls === undefined) return createServer(limits, handle);
  const options = { requestCert: tls.asksForCertificate, handshakeTimeout: 15_000 };
  const server = createTlsServer({ ...limits, ...options, ...tls.options() }, handle);
  server.on("tlsClientError", (error, socket) => tls.reportFailure(error, socket));
  tls.onChange((changed) => server.setSecureContext(changed));
  return server;
}
