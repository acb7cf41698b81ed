import { GatewayError } from "./gateway-error.ts";

/**
 * Makes a GatewayError of anything that was thrown. A cancellation becomes CANCELLED, a timeout
 * signal DEADLINE_EXCEEDED, and everything else INTERNAL with a fixed sentence: the text of an
 * unknown error may hold secrets or somebody's prompt, so it stays in the cause.
 */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (!(thrown instanceof Error)) return internal(thrown);
  if (thrown.name === "AbortError") {
    if (thrown.cause instanceof GatewayError) return thrown.cause;
    return new GatewayError("CANCELLED", "The request was cancelled.", { cause: thrown });
  }
  if (thrown.name === "TimeoutError") {
    const message = "The deadline of the request has passed.";
    return new GatewayError("DEADLINE_EXCEEDED", message, { cause: thrown });
  }
  return internal(thrown);
}

function internal(cause: unknown): GatewayError {
  const message = "The gateway failed on its side; the request id leads to the details in its log.";
  return new GatewayError("INTERNAL", message, { cause });
}
