import type { HandlerContext, Interceptor } from "@connectrpc/connect";
import { createContextKey } from "@connectrpc/connect";
import { Code } from "@penstock/api";
import { reasons } from "@penstock/errors";
import type { Span, SpanContext, Tracer } from "@penstock/observability";
import { attributeNames, formatTraceparent, parseTraceparent } from "@penstock/observability";
import { fromConnectError } from "../connect-error.ts";
import { methodName } from "./authentication.ts";
import { toReportedError } from "./errors.ts";
import { withOutcome } from "./outcome.ts";

/** Codes by which a server says that the fault is its own; only they make a server span fail. */
const serverFaults: readonly number[] = [
  Code.UNKNOWN,
  Code.DEADLINE_EXCEEDED,
  Code.UNIMPLEMENTED,
  Code.INTERNAL,
  Code.UNAVAILABLE,
  Code.DATA_LOSS,
];

const codeNames = new Map<number, string>(Object.entries(Code).map(([name, code]) => [code, name]));

/** The name of a gRPC code as attributes and logs have it, such as `NOT_FOUND`. */
export function codeName(code: number): string {
  return codeNames.get(code) ?? "UNKNOWN";
}

/** Where a caller puts the span that its client call belongs to; see `callOptions`. */
export const parentSpanKey = createContextKey<SpanContext | undefined>(undefined, {
  description: "penstock parent span",
});

/** Starts the server span of a call, continuing the caller's trace. */
export function startServerSpan(tracer: Tracer, context: HandlerContext): Span {
  const method = methodName(context.method);
  return tracer.startSpan(method, {
    kind: "server",
    parent: parseTraceparent(context.requestHeader.get("traceparent")),
    attributes: {
      [attributeNames.rpcSystemName]: context.protocolName === "connect" ? "connectrpc" : "grpc",
      [attributeNames.rpcMethod]: method,
    },
  });
}

/** Ends a server span. Refusals leave its status unset: they are no fault of the server. */
export function endServerSpan(span: Span, thrown: unknown): void {
  if (thrown === undefined) {
    span.set(attributeNames.rpcResponseStatusCode, "OK");
  } else {
    const { reason } = toReportedError(thrown);
    const code = reasons[reason].grpcCode;
    span.set(attributeNames.rpcResponseStatusCode, codeName(code));
    span.set(attributeNames.errorType, reason);
    if (serverFaults.includes(code)) span.fail();
  }
  span.end();
}

/** A client span per call, whose context is sent along as `traceparent`. */
export function clientTracingInterceptor(tracer: Tracer): Interceptor {
  return (next) => (request) => {
    const method = methodName(request.method);
    const span = tracer.startSpan(method, {
      kind: "client",
      parent: request.contextValues.get(parentSpanKey),
      attributes: {
        [attributeNames.rpcSystemName]: "connectrpc",
        [attributeNames.rpcMethod]: method,
      },
    });
    request.header.set("traceparent", formatTraceparent(span.context));
    return withOutcome(next, request, (thrown) => endClientSpan(span, thrown));
  };
}

function endClientSpan(span: Span, thrown: unknown): void {
  if (thrown === undefined) {
    span.set(attributeNames.rpcResponseStatusCode, "OK");
  } else {
    const { reason } = fromConnectError(thrown);
    span.set(attributeNames.rpcResponseStatusCode, codeName(reasons[reason].grpcCode));
    span.set(attributeNames.errorType, reason);
    span.fail();
  }
  span.end();
}
