import { helpPath, reasons, type ErrorReason, type GatewayError } from "@penstock/errors";
import { writeExclusion } from "../write-exclusion.ts";

/**
 * Codes by which clients decide what to do next: agents shorten their conversation. With one of them
 * our reason stands beside it, as `reason`.
 */
const knownCodes: Readonly<Partial<Record<ErrorReason, string>>> = {
  CONTEXT_LENGTH_EXCEEDED: "context_length_exceeded",
};

/**
 * Writes an error in the shape OpenAI's clients read: `type` from its vocabulary, `code` is our
 * reason, but where clients look for a code of OpenAI's, `param` the first field at fault. Beside
 * them stand the request id, the source, and all that helps to mend the request.
 */
export function writeError(error: GatewayError, requestId: string): string {
  return JSON.stringify({ error: errorObject(error, requestId) });
}

/** The event that ends a stream which can't end well; the end mark never follows it. */
export function writeStreamError(error: GatewayError, requestId: string): string {
  return `data: ${JSON.stringify({ error: errorObject(error, requestId) })}\n\n`;
}

function errorObject(error: GatewayError, requestId: string): Record<string, unknown> {
  const { exclusions, fieldViolations, metadata } = error;
  const known = knownCodes[error.reason];
  return {
    message: error.message,
    type: errorType(error),
    // A problem of the whole body has no field.
    param: fieldViolations[0]?.field || null,
    code: known ?? error.reason,
    reason: known === undefined ? undefined : error.reason,
    request_id: requestId,
    source: error.source,
    help: helpPath(error.reason),
    retry_after_ms: error.retryAfterMs,
    fields: fieldViolations.length === 0 ? undefined : fieldViolations,
    excluded_by: exclusions.length === 0 ? undefined : exclusions.map(writeExclusion),
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
  };
}

function errorType(error: GatewayError): string {
  if (error.reason === "BUDGET_EXHAUSTED") return "insufficient_quota";
  const status = reasons[error.reason].httpStatus;
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}
