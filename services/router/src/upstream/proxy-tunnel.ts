import { connect as connectSocket } from "node:net";
import type { LookupFunction, Socket } from "node:net";
import type { buildConnector } from "undici";

/** The answer of a proxy to CONNECT is a few lines. */
const longestAnswerBytes = 16_384;

/** A connection through a proxy. */
export interface Tunnel {
  /** `http://host:port`. */
  readonly proxy: string;
  /** Resolves the proxy's own name, and refuses addresses that are never called. */
  readonly lookup: LookupFunction;
  readonly target: buildConnector.Options;
  readonly timeoutMs: number;
  /** Makes TLS over the tunnel. */
  readonly connect: buildConnector.connector;
}

function failed(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * Opens a tunnel by CONNECT through a proxy that the configuration names. The proxy resolves the
 * name, so only literal addresses are checked here; what it may reach is the proxy's to decide.
 */
export function connectThroughProxy(tunnel: Tunnel, callback: buildConnector.Callback): void {
  const { target, connect } = tunnel;
  openTunnel(tunnel, (error, socket) => {
    if (socket === undefined) callback(error ?? failed("ECONNREFUSED", "no tunnel"), null);
    else if (target.protocol !== "https:") callback(null, socket);
    else {
      try {
        connect({ ...target, httpSocket: socket }, callback);
      } catch (thrown) {
        // TLS throws at once where it can't use a certificate or a key.
        socket.destroy();
        callback(thrown instanceof Error ? thrown : failed("ERR_TLS_UNUSABLE", "no TLS"), null);
      }
    }
  });
}

function openTunnel(
  { proxy, target, timeoutMs, lookup }: Tunnel,
  done: (error: Error | undefined, socket?: Socket) => void,
): void {
  const address = new URL(proxy);
  const port = target.port === "" ? (target.protocol === "https:" ? 443 : 80) : target.port;
  const authority = `${target.hostname}:${port}`;
  const socket = connectSocket({
    host: address.hostname.replace(/^\[|\]$/g, ""),
    port: Number(address.port || 80),
    lookup,
  });
  socket.setNoDelay(true);
  let answer = "";
  const end = (error: Error | undefined): void => {
    clearTimeout(timer);
    socket.removeAllListeners("data").removeAllListeners("error").removeAllListeners("end");
    // The connection is of no use any more, but an error after that must not end the process.
    socket.on("error", () => socket.destroy());
    if (error === undefined) return done(undefined, socket);
    socket.destroy();
    done(error);
  };
  const timer = setTimeout(
    () => end(failed("UND_ERR_CONNECT_TIMEOUT", "the proxy did not answer in time")),
    timeoutMs,
  );
  socket.once("error", (error) => end(error));
  socket.once("end", () => end(failed("ECONNRESET", "the proxy closed the connection")));
  socket.once("connect", () => socket.write(request(authority)));
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
    const headEnd = answer.indexOf("\r\n\r\n");
    if (headEnd === -1) {
      if (answer.length > longestAnswerBytes) end(failed("ANSWER_HEAD_TOO_LARGE", "no answer"));
      return;
    }
    const accepted = /^HTTP\/1\.[01] 2\d\d/.test(answer) && headEnd + 4 === answer.length;
    socket.pause();
    end(accepted ? undefined : failed("PENSTOCK_PROXY_REFUSED", "the proxy refused"));
  });
}

function request(authority: string): string {
  return `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`;
}
