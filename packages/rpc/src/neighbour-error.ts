import { Code } from "@penstock/api";
import { GatewayError, reasons } from "@penstock/errors";

const neighbours = new WeakSet<GatewayError>();

/** Marks a decoded error as one that another service sent; the cause is kept for the log. */
export function markNeighbourError(error: GatewayError, cause: unknown): GatewayError {
  error.cause ??= cause;
  neighbours.add(error);
  return error;
}

/**
 * What our caller is told about a neighbour's error that nobody dealt with. A neighbour's refusal
 * speaks about the request that we made, not about our caller's, so it never passes through
 * (gRFC A54): it is our bug, or the neighbour can't be used now.
 */
export function restateNeighbourError(error: GatewayError): GatewayError {
  if (!neighbours.has(error)) return error;
  const code = reasons[error.reason].grpcCode;
  if (code === Code.DEADLINE_EXCEEDED) {
    const message = "A service behind this one did not answer in time.";
    return new GatewayError("DEADLINE_EXCEEDED", message, { source: "gateway", cause: error });
  }
  if (code === Code.CANCELLED) {
    return new GatewayError("CANCELLED", "The request was cancelled.", { cause: error });
  }
  if (code === Code.UNAVAILABLE || code === Code.RESOURCE_EXHAUSTED) {
    const message = "A service behind this one can't be used now; try again.";
    const { retryAfterMs } = error;
    return new GatewayError("UNAVAILABLE", message, { retryAfterMs, cause: error });
  }
  const message = "A service behind this one refused a request that the gateway made.";
  return new GatewayError("INTERNAL", message, { cause: error });
}
