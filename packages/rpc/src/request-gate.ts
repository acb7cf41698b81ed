import type { HandlerContext, Interceptor } from "@connectrpc/connect";
import type { Observability } from "@penstock/observability";
import { attributeNames } from "@penstock/observability";
import { newUuidV7 } from "@penstock/runtime";
import type { CallState } from "./call-state.ts";
import { arrivalKey, callStateKey } from "./call-state.ts";
import { toConnectError } from "./connect-error.ts";
import type { AccessLog } from "./interceptors/access-log.ts";
import { createAccessLog } from "./interceptors/access-log.ts";
import type { Authenticate } from "./interceptors/authentication.ts";
import { authenticateCall } from "./interceptors/authentication.ts";
import { deadlineInterceptor } from "./interceptors/deadline.ts";
import { errorsInterceptor, toReportedError } from "./interceptors/errors.ts";
import { withOutcome } from "./interceptors/outcome.ts";
import { endServerSpan, startServerSpan } from "./interceptors/tracing.ts";
import { validationInterceptor } from "./interceptors/validation.ts";

/** What every server needs, in process or on a port. */
export interface ServingOptions {
  readonly observability: Observability;
  readonly authenticate: Authenticate;
  /** How long a unary call may take whose caller names no deadline; 30 s when absent. */
  readonly defaultDeadlineMs?: number;
}

/** What is handed to the router of the Connect library. */
export interface Serving {
  readonly requestGate: (context: HandlerContext) => Promise<void>;
  readonly interceptors: Interceptor[];
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The path of a call through a server:
 *   1. the gate: request id, server span, response headers, who calls and whether they may; all
 *      before a byte of the body is read
 *   2. the end of the call is seen: span, access log
 *   3. errors get their wire form; deadline; generic bounds of the message
 *   4. the implementation
 */
export function createServing(options: ServingOptions): Serving {
  const { observability, authenticate } = options;
  const accessLog = createAccessLog(observability);
  const requestGate = async (context: HandlerContext): Promise<void> => {
    const state = startCall(observability, accessLog, context);
    context.values.set(callStateKey, state);
    try {
      const arrival = context.values.get(arrivalKey);
      const credentials = { header: context.requestHeader, arrival };
      const identity = await authenticateCall(credentials, context.method, authenticate);
      state.identity = identity;
      state.span.set(attributeNames.identityKind, identity.kind);
      state.span.set(attributeNames.identityName, identity.name);
    } catch (thrown) {
      state.end(thrown);
      const error = toReportedError(thrown);
      if (error.reason === "INTERNAL") {
        observability.logger.error("authentication failed unexpectedly", { error });
      }
      throw toConnectError(error, state.requestId);
    }
  };
  const interceptors = [
    outcomeInterceptor,
    errorsInterceptor(observability.logger),
    deadlineInterceptor(options.defaultDeadlineMs),
    validationInterceptor,
  ];
  return { requestGate, interceptors };
}

function startCall(
  { tracer }: Observability,
  accessLog: AccessLog,
  context: HandlerContext,
): CallState {
  const given = context.requestHeader.get("x-request-id") ?? "";
  const requestId = uuid.test(given) ? given : newUuidV7();
  const span = startServerSpan(tracer, context);
  span.set(attributeNames.requestId, requestId);
  context.responseHeader.set("x-request-id", requestId);
  context.responseHeader.set("x-penstock-trace-id", span.context.traceId);
  let ended = false;
  const end = (thrown: unknown): void => {
    if (ended) return;
    ended = true;
    accessLog(context.method, state, thrown);
    endServerSpan(span, thrown);
  };
  const startMs = performance.now();
  const state: CallState = { requestId, span, startMs, identity: undefined, handed: false, end };
  // A message that is malformed or too large is refused by the library before any interceptor.
  context.signal.addEventListener("abort", () => {
    if (!state.handed) end(context.signal.reason);
  });
  return state;
}

const outcomeInterceptor: Interceptor = (next) => (request) => {
  const state = request.contextValues.get(callStateKey);
  if (state === undefined) return next(request);
  state.handed = true;
  return withOutcome(next, request, state.end);
};
