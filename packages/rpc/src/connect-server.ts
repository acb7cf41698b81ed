import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttp1Server } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { createConnectRouter, createContextValues } from "@connectrpc/connect";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { findErrorPage } from "@penstock/errors";
import { arrivalKey } from "./call-state.ts";
import { createCleartextAcceptor } from "./connection-switch.ts";
import { arrivalOf } from "./identify-request.ts";
import { assertRequirements } from "./interceptors/authentication.ts";
import type { ServingOptions } from "./request-gate.ts";
import { createServing } from "./request-gate.ts";
import { reportUnexpectedTls } from "./tls/report-failures.ts";
import { createTlsAcceptor } from "./tls/tls-acceptor.ts";
import type { TlsServerFiles, TlsSource } from "./tls/tls-source.ts";
import { openTlsSource } from "./tls/tls-source.ts";

/** A request of either version of HTTP. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
/** The response that belongs to it. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Where and what to serve. Port 0 takes a free port. */
export interface ConnectServerOptions extends ServingOptions {
  readonly host: string;
  readonly port: number;
  readonly routes: (router: ConnectRouter) => void;
  /** Serves paths such as `/livez`, without a credential; false passes the request on. */
  readonly httpHandler?: (request: HttpRequest, response: HttpResponse) => boolean;
  /** Absent: cleartext. With `clientCaFile`, a client certificate is a credential. */
  readonly tls?: TlsServerFiles | undefined;
  /** Largest message of a request in bytes, after decompression; 4 MiB when absent. */
  readonly readMaxBytes?: number;
}

/** A listening server. */
export interface ConnectServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port` or `https://host:port` for clients. */
  readonly url: string;
  /** Takes no new calls, waits for the open ones, and cuts them off after the deadline. */
  close(deadlineMs: number): Promise<void>;
}

/** The bound of one control-plane message (security.md R7). */
export const controlMessageBytes = 4 * 1_024 * 1_024;

/** The longest deadline a caller may name. */
const maxTimeoutMs = 900_000;

const maxConnections = 5_000;

/** HTTP/2 connections are closed gently at this age, so that clients find new instances. */
const connectionAgeMs = 30 * 60_000;

/** And after this long without a frame, so that silent connections do not fill the bound. */
const connectionIdleMs = 10 * 60_000;

const http1Limits = { headersTimeout: 15_000, requestTimeout: 75_000, maxHeaderSize: 16_384 };

const http2Limits = {
  settings: { maxConcurrentStreams: 256, maxHeaderListSize: 32_768 },
  maxHeaderListPairs: 128,
  maxSessionMemory: 10,
  maxSettings: 32,
  maxOutstandingPings: 10,
  streamResetBurst: 1_000,
  streamResetRate: 33,
};

/**
 * Serves Connect, gRPC and gRPC-Web on one port, in cleartext or over TLS. Throws a TypeError when
 * an RPC does not declare its requirement, FIELD_INVALID for TLS files that are not in order, and
 * the system's error when the port can't be opened.
 */
export async function startConnectServer(options: ConnectServerOptions): Promise<ConnectServer> {
  const { logger } = options.observability;
  const shutdown = new AbortController();
  const handle = createRequestHandler(options, shutdown.signal);
  const http1 = createHttp1Server(http1Limits, handle);
  const http2 = createHttp2Server(http2Limits, handle);
  // Timeouts of headers are watched from this event on, and this server never listens itself.
  http1.emit("listening");
  const sockets = new Set<Socket>();
  const sessions = trackSessions(http2);
  const tls = options.tls === undefined ? undefined : openTlsSource(options.tls, logger);
  const acceptor =
    tls === undefined
      ? createCleartextAcceptor({ http1, http2 }, reportUnexpectedTls(logger))
      : createTlsAcceptor(tls, { http1, http2 });
  acceptor.maxConnections = maxConnections;
  acceptor.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const endConnections = (): void => {
    // Node counts the idle connections; a connection becomes idle when its response is out.
    http1.closeIdleConnections();
    for (const session of sessions) session.close();
  };
  // Whom an authority that is gone let in does not stay.
  tls?.onChange(endConnections);
  const { port } = await listenOrClose(acceptor, options, tls);
  const closeGently = (): void => {
    tls?.close();
    acceptor.close();
    http1.prependListener("request", (_request, response) => {
      response.setHeader("connection", "close");
    });
    endConnections();
  };
  const closeHard = (): void => {
    shutdown.abort();
    for (const socket of sockets) socket.destroy();
    http1.close();
  };
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    host: options.host,
    port,
    url: `${tls === undefined ? "http" : "https"}://${host}:${port}`,
    close: async (deadlineMs) => {
      closeGently();
      await allClosed(sockets, deadlineMs, () => http1.closeIdleConnections());
      closeHard();
    },
  };
}

async function listenOrClose(
  acceptor: Server,
  { host, port }: ConnectServerOptions,
  tls: TlsSource | undefined,
): Promise<AddressInfo> {
  try {
    return await listen(acceptor, host, port);
  } catch (error) {
    tls?.close();
    throw error;
  }
}

function createRequestHandler(options: ConnectServerOptions, shutdownSignal: AbortSignal) {
  const router = createConnectRouter({
    ...createServing(options),
    acceptCompression: [compressionGzip],
    readMaxBytes: options.readMaxBytes ?? controlMessageBytes,
    writeMaxBytes: 4 * controlMessageBytes,
    maxTimeoutMs,
    shutdownSignal,
  });
  options.routes(router);
  assertRequirements(new Set(router.handlers.map((handler) => handler.service)));
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const { logger } = options.observability;
  return (request: HttpRequest, response: HttpResponse): void => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) {
      if (options.httpHandler?.(request, response) === true) return;
      const page = request.method === "GET" ? findErrorPage(path) : undefined;
      if (page === undefined) notFound(response);
      else answerPage(response, page);
      return;
    }
    const values = createContextValues().set(arrivalKey, arrivalOf(request));
    handler(universalRequestFromNodeRequest(request, response, undefined, values))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((error: unknown) => {
        logger.debug("an answer could not be written", { path, error });
        response.destroy();
      });
  };
}

/** What errors link to; public, as it is the same in every installation. */
function answerPage(response: HttpResponse, page: string): void {
  response.statusCode = 200;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(page);
}

function notFound(response: HttpResponse): void {
  response.statusCode = 404;
  response.setHeader("content-type", "application/json");
  response.end('{"code":"unimplemented","message":"There is no such RPC here."}');
}

function trackSessions(server: ReturnType<typeof createHttp2Server>): Set<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.setTimeout(connectionIdleMs, () => session.close());
    // Spread by a tenth, so that the clients of a restarted server do not all return at once.
    const ageMs = connectionAgeMs * (0.9 + Math.random() * 0.2);
    const timer = setTimeout(() => session.close(), ageMs).unref();
    session.once("close", () => {
      clearTimeout(timer);
      sessions.delete(session);
    });
  });
  return sessions;
}

async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return server.address() as AddressInfo;
}

/** Waits until every socket is closed, looking for idle ones whenever one may have become so. */
async function allClosed(
  sockets: Set<Socket>,
  deadlineMs: number,
  closeIdle: () => void,
): Promise<void> {
  const idleCheckMs = 50;
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = (): void => {
    closeIdle();
    if (sockets.size === 0) resolve();
  };
  const deadline = setTimeout(resolve, deadlineMs);
  const interval = setInterval(check, idleCheckMs);
  check();
  await promise;
  clearTimeout(deadline);
  clearInterval(interval);
}
