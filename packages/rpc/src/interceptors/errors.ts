import type { Interceptor } from "@connectrpc/connect";
import type { ConnectError } from "@connectrpc/connect";
import type { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import { callStateKey } from "../call-state.ts";
import { fromServerError, toConnectError } from "../connect-error.ts";
import { restateNeighbourError } from "../neighbour-error.ts";
import { mapCallErrors } from "./outcome.ts";

/** The error that the caller of an RPC is told, whatever the implementation threw. */
export function toReportedError(thrown: unknown): GatewayError {
  return restateNeighbourError(fromServerError(thrown));
}

/**
 * The outermost interceptor of a server: every error leaves with its details, and what nobody
 * expected is logged with its cause under the request id that the caller is given.
 */
export function errorsInterceptor(logger: Logger): Interceptor {
  return (next) => (request) => {
    const requestId = request.contextValues.get(callStateKey)?.requestId ?? "";
    const map = (thrown: unknown): ConnectError => {
      const error = toReportedError(thrown);
      if (error.reason === "INTERNAL") {
        logger.error("an RPC failed unexpectedly", { request_id: requestId, error });
      }
      return toConnectError(error, requestId);
    };
    return mapCallErrors(next, request, map);
  };
}
