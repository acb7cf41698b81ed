import { reasons, type GatewayError } from "@penstock/errors";
import { writeExclusion } from "../write-exclusion.ts";

/**
 * Writes an error in the shape Anthropic's clients read: `type` from its vocabulary, and beside it
 * our reason as `code`, the source, and all that helps to mend the request.
 */
export function writeError(error: GatewayError, requestId: string): string {
  return JSON.stringify(errorBody(error, requestId));
}

/** The event that ends a stream which can't end well; `message_stop` never follows it. */
export function writeStreamError(error: GatewayError, requestId: string): string {
  return `event: error\ndata: ${JSON.stringify(errorBody(error, requestId))}\n\n`;
}

function errorBody(error: GatewayError, requestId: string): Record<string, unknown> {
  const { exclusions, fieldViolations, metadata } = error;
  return {
    type: "error",
    error: {
      type: errorType(error),
      message: knownWords(error),
      code: error.reason,
      param: fieldViolations[0]?.field || undefined,
      source: error.source,
      retry_after_ms: error.retryAfterMs,
      fields: fieldViolations.length === 0 ? undefined : fieldViolations,
      excluded_by: exclusions.length === 0 ? undefined : exclusions.map(writeExclusion),
      metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
    },
    request_id: requestId,
  };
}

/** The words by which agents know that they must shorten the conversation: there is no code for it. */
const tooLong = "prompt is too long";

function knownWords({ reason, message }: GatewayError): string {
  if (reason !== "CONTEXT_LENGTH_EXCEEDED" || message.includes(tooLong)) return message;
  return `${tooLong}: ${message}`;
}

function errorType({ reason }: GatewayError): string {
  if (reason === "BUDGET_EXHAUSTED") return "billing_error";
  if (reason === "UPSTREAM_OVERLOADED") return "overloaded_error";
  const status = reasons[reason].httpStatus;
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 409:
      return "conflict_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}
