import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { connect } from "node:tls";
import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import { markNeighbourError } from "../neighbour-error.ts";
import type { TlsFiles, TlsMaterial } from "./tls-files.ts";
import { readTlsFiles, secureContextOptions } from "./tls-files.ts";

/** Files of a client. */
export interface TlsClientFiles extends TlsFiles {
  /** The name to expect in the server's certificate instead of the one in the URL. */
  readonly serverName?: string | undefined;
}

/** A handshake that takes longer is given up. */
const handshakeTimeoutMs = 10_000;

/**
 * Makes TLS connections to a URL. Files are read for every connection, so that a renewed
 * certificate or authority counts from the next one on; while they are not in order, the former
 * are used. Throws FIELD_INVALID when they are not in order now.
 */
export function createTlsConnector(
  url: URL,
  files: TlsClientFiles,
  logger: Logger | undefined,
): () => TLSSocket {
  let material = readTlsFiles(files);
  const read = (): TlsMaterial => {
    try {
      material = readTlsFiles(files);
    } catch (error) {
      logger?.warn("TLS files changed and are not in order; the former stay in use", {
        problem: error instanceof Error ? error.message : String(error),
      });
    }
    return material;
  };
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const servername = files.serverName ?? (isIP(host) === 0 ? host : "");
  const port = url.port === "" ? 443 : Number(url.port);
  return () => {
    const options = secureContextOptions(read());
    const socket = connect({ ...options, host, port, servername, ALPNProtocols: ["h2"] });
    const timeout = setTimeout(() => {
      socket.destroy(problem("ETIMEDOUT", `no TLS handshake within ${handshakeTimeoutMs} ms`));
    }, handshakeTimeoutMs);
    socket.once("close", () => clearTimeout(timeout));
    const onReset = (error: NodeJS.ErrnoException): void => {
      // Whoever reads it later can't tell any more that it was before the first byte.
      if (error.code === "ECONNRESET") error.code = "ERR_NO_TLS";
    };
    socket.once("error", onReset);
    socket.once("secureConnect", () => {
      clearTimeout(timeout);
      socket.off("error", onReset);
      if (socket.alpnProtocol === "h2") return;
      socket.destroy(problem("ERR_NO_HTTP2", "the server does not offer HTTP/2"));
    });
    return socket;
  };
}

function problem(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** What to do about the failures that people meet when they set up certificates. */
const advice = new Map([
  ["CERT_HAS_EXPIRED", "its certificate has expired"],
  ["CERT_NOT_YET_VALID", "its certificate is not good yet; is a clock wrong"],
  ["ERR_NO_HTTP2", "it does not offer HTTP/2; is it Penstock"],
  ["ERR_NO_TLS", "it closed the connection in the middle of the handshake; does it speak TLS"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for other names than the one in the URL"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "it speaks no TLS there; is it http://"],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "it speaks no TLS there; is it http://"],
]);

const unknownAuthority = "the authority of its certificate is not known; set PENSTOCK_TLS_CA";
for (const code of [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]) {
  advice.set(code, unknownAuthority);
}

/**
 * UNAVAILABLE in plain words, with `tls` in its metadata, when TLS is why a call failed; undefined
 * when it is not.
 */
export function explainTlsFailure(thrown: unknown, origin: string): GatewayError | undefined {
  let cause: unknown = thrown;
  for (let depth = 0; depth < 8 && cause instanceof Error; depth += 1) {
    // The library's errors have a number there.
    const code = String((cause as NodeJS.ErrnoException).code);
    const known = advice.get(code);
    if (known !== undefined || code.startsWith("ERR_SSL_")) {
      const why = known ?? cause.message;
      const message = `No connection to ${origin}: ${why} (${code}).`;
      return markNeighbourError(
        new GatewayError("UNAVAILABLE", message, { metadata: { tls: code } }),
        thrown,
      );
    }
    ({ cause } = cause);
  }
  return undefined;
}
