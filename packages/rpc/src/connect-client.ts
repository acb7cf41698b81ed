import type { CallOptions, ConnectRouter, Interceptor, Transport } from "@connectrpc/connect";
import { createContextKey, createContextValues, createRouterTransport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { SpanContext, Tracer } from "@penstock/observability";
import type { Secret } from "@penstock/runtime";
import { fromConnectError } from "./connect-error.ts";
import { controlMessageBytes } from "./connect-server.ts";
import { assertRequirements } from "./interceptors/authentication.ts";
import { clientTracingInterceptor, parentSpanKey } from "./interceptors/tracing.ts";
import type { ServingOptions } from "./request-gate.ts";
import { createServing } from "./request-gate.ts";

/** What a client is, whatever its transport. */
export interface ClientOptions {
  /** Sent as bearer token with every call. */
  readonly token?: Secret;
  readonly tracer: Tracer;
  /** Deadline of calls that name none; 10 s when absent. */
  readonly defaultTimeoutMs?: number;
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

/** Calls a service at a URL by the Connect protocol over cleartext HTTP/2. */
export function createNetworkTransport(
  options: ClientOptions & { readonly url: string },
): ServiceTransport {
  const sessionManager = new Http2SessionManager(options.url, {
    pingIntervalMs: 30_000,
    pingTimeoutMs: 5_000,
    idleConnectionTimeoutMs: 10 * 60_000,
  });
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
  return { transport: decodingErrors(transport), close: () => sessionManager.abort() };
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
  return { transport: decodingErrors(transport), close: () => undefined };
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

/** Callers of services see GatewayErrors; the library would wrap one thrown by an interceptor. */
function decodingErrors(inner: Transport): Transport {
  return {
    unary: async (...call) => {
      try {
        return await inner.unary(...call);
      } catch (thrown) {
        throw fromConnectError(thrown);
      }
    },
    stream: async (...call) => {
      try {
        const response = await inner.stream(...call);
        return { ...response, message: decoding(response.message) };
      } catch (thrown) {
        throw fromConnectError(thrown);
      }
    },
  };
}

async function* decoding<Item>(messages: AsyncIterable<Item>): AsyncGenerator<Item> {
  try {
    yield* messages;
  } catch (thrown) {
    throw fromConnectError(thrown);
  }
}
