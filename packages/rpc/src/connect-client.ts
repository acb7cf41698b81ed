import type { CallOptions, ConnectRouter, Interceptor, Transport } from "@connectrpc/connect";
import { createContextKey, createContextValues, createRouterTransport } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport } from "@connectrpc/connect-node";
import type { GatewayError } from "@penstock/errors";
import type { Logger, SpanContext, Tracer } from "@penstock/observability";
import type { Secret } from "@penstock/runtime";
import { fromConnectError } from "./connect-error.ts";
import { controlMessageBytes } from "./connect-server.ts";
import { Http2Sessions } from "./http2-sessions.ts";
import { assertRequirements } from "./interceptors/authentication.ts";
import { clientTracingInterceptor, parentSpanKey } from "./interceptors/tracing.ts";
import type { ServingOptions } from "./request-gate.ts";
import { createServing } from "./request-gate.ts";
import { assertTokenStaysSecret } from "./tls/cleartext.ts";
import type { TlsClientFiles } from "./tls/tls-connect.ts";
import { createTlsConnector, explainTlsFailure } from "./tls/tls-connect.ts";

/** What a client is, whatever its transport. */
export interface ClientOptions {
  /** Sent as bearer token with every call. */
  readonly token?: Secret;
  readonly tracer: Tracer;
  /** Deadline of calls that name none; 10 s when absent. */
  readonly defaultTimeoutMs?: number;
}

/** Where a service is and how it is reached. */
export interface NetworkClientOptions extends ClientOptions {
  /** With `https://` the connection is encrypted and the server's certificate checked. */
  readonly url: string;
  /** For `https://`; without files the authorities that Node knows are trusted. */
  readonly tls?: TlsClientFiles | undefined;
  /** Whether a token may go to another machine in cleartext; false when absent. */
  readonly allowCleartext?: boolean | undefined;
  /** Told when files of `tls` are not in order any more. */
  readonly logger?: Logger | undefined;
}

/** A transport and the way to end it. */
export interface ServiceTransport {
  readonly transport: Transport;
  close(): void;
}

/** What a single call carries. Times in milliseconds. */
export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** The span on whose behalf the call is made. */
  readonly span?: SpanContext | undefined;
  readonly requestId?: string | undefined;
}

const requestIdKey = createContextKey("", { description: "penstock request id" });
const defaultTimeoutMs = 10_000;

/** An answer may hold a page of resources of the largest size. */
const answerMaxBytes = 4 * controlMessageBytes;

/**
 * Calls a service at a URL by the Connect protocol over HTTP/2. Throws FIELD_INVALID for TLS files
 * that are not in order, and for a token that would leave the machine in cleartext.
 */
export function createNetworkTransport(options: NetworkClientOptions): ServiceTransport {
  const url = new URL(options.url);
  if (options.token !== undefined) assertTokenStaysSecret(url, options.allowCleartext === true);
  const secure = url.protocol === "https:";
  const sessionManager = new Http2Sessions(
    options.url,
    {
      pingIntervalMs: 30_000,
      pingTimeoutMs: 5_000,
      idleConnectionTimeoutMs: 10 * 60_000,
    },
    secure ? { createConnection: createTlsConnector(url, options.tls ?? {}, options.logger) } : {},
  );
  const transport = createConnectTransport({
    baseUrl: options.url,
    httpVersion: "2",
    sessionManager,
    useBinaryFormat: true,
    interceptors: clientInterceptors(options),
    acceptCompression: [compressionGzip],
    readMaxBytes: answerMaxBytes,
    defaultTimeoutMs: options.defaultTimeoutMs ?? defaultTimeoutMs,
  });
  const decode = (thrown: unknown): GatewayError =>
    explainTlsFailure(thrown, url.origin) ?? fromConnectError(thrown);
  return { transport: decodingErrors(transport, decode), close: () => sessionManager.abort() };
}

/**
 * Calls services of the same process. Messages are written and read, and gate, interceptors and
 * bounds are those of a port, so that nothing works only in one process.
 */
export function createInProcessTransport(
  routes: (router: ConnectRouter) => void,
  serving: ServingOptions,
  client: ClientOptions,
): ServiceTransport {
  const transport = createRouterTransport(
    (router) => {
      routes(router);
      assertRequirements(new Set(router.handlers.map((handler) => handler.service)));
    },
    {
      router: { ...createServing(serving), readMaxBytes: controlMessageBytes },
      transport: {
        interceptors: clientInterceptors(client),
        readMaxBytes: answerMaxBytes,
        defaultTimeoutMs: client.defaultTimeoutMs ?? defaultTimeoutMs,
      },
    },
  );
  return { transport: decodingErrors(transport, fromConnectError), close: () => undefined };
}

/** Builds the options of one call. */
export function callOptions(settings: CallSettings): CallOptions {
  const contextValues = createContextValues().set(parentSpanKey, settings.span);
  contextValues.set(requestIdKey, settings.requestId ?? "");
  const options: CallOptions = { contextValues };
  if (settings.signal !== undefined) options.signal = settings.signal;
  if (settings.timeoutMs !== undefined) options.timeoutMs = settings.timeoutMs;
  return options;
}

function clientInterceptors(options: ClientOptions): Interceptor[] {
  const headers: Interceptor = (next) => (request) => {
    const { token } = options;
    if (token !== undefined) request.header.set("authorization", `Bearer ${token.reveal()}`);
    const requestId = request.contextValues.get(requestIdKey);
    if (requestId !== "") request.header.set("x-request-id", requestId);
    return next(request);
  };
  return [clientTracingInterceptor(options.tracer), headers];
}

type Decode = (thrown: unknown) => GatewayError;

/** Callers of services see GatewayErrors; the library would wrap one thrown by an interceptor. */
function decodingErrors(inner: Transport, decode: Decode): Transport {
  return {
    unary: async (...call) => {
      try {
        return await inner.unary(...call);
      } catch (thrown) {
        throw decode(thrown);
      }
    },
    stream: async (...call) => {
      try {
        const response = await inner.stream(...call);
        return { ...response, message: decoding(response.message, decode) };
      } catch (thrown) {
        throw decode(thrown);
      }
    },
  };
}

async function* decoding<Item>(
  messages: AsyncIterable<Item>,
  decode: Decode,
): AsyncGenerator<Item> {
  try {
    yield* messages;
  } catch (thrown) {
    throw decode(thrown);
  }
}
