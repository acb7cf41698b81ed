import type { Socket } from "node:net";
import type { Logger } from "@penstock/observability";

/** Least time between two lines of the same kind: anybody can cause them. */
const logIntervalMs = 10_000;

/** What is said when a client does not speak TLS. */
const cleartextCodes = new Set([
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_HTTPS_PROXY_REQUEST",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
]);

/** Logs failed handshakes, the same one at most every ten seconds. */
export function reportFailures(logger: Logger): (error: Error, socket: Socket) => void {
  const report = limited((code: string, remote: string | undefined, error: Error) => {
    if (cleartextCodes.has(code)) {
      logger.warn("a client spoke cleartext on a port with TLS; its URL must begin with https://", {
        remote,
        code,
      });
    } else {
      logger.info("a TLS handshake failed", { remote, code, error });
    }
  });
  return (error, socket) => {
    const { code = "UNKNOWN" } = error as NodeJS.ErrnoException;
    // Probes of load balancers and clients that change their mind.
    if (code !== "ECONNRESET") report(code, socket.remoteAddress, error);
  };
}

/** Logs that a client spoke TLS on a port without it, at most every ten seconds. */
export function reportUnexpectedTls(logger: Logger): (socket: Socket) => void {
  const report = limited((_code: string, remote: string | undefined) =>
    logger.warn(
      "a client spoke TLS on a port without it; set certificate and key, or use http://",
      {
        remote,
      },
    ),
  );
  return (socket) => report("", socket.remoteAddress);
}

function limited<Rest extends readonly unknown[]>(
  run: (code: string, ...rest: Rest) => void,
): (code: string, ...rest: Rest) => void {
  const lastMs = new Map<string, number>();
  return (code, ...rest) => {
    const nowMs = performance.now();
    const last = lastMs.get(code);
    if (last !== undefined && nowMs - last < logIntervalMs) return;
    lastMs.set(code, nowMs);
    run(code, ...rest);
  };
}
