import { reasons, type GatewayError } from "@penstock/errors";
import { writeException } from "./write-stream.ts";

/**
 * Writes an error as the body of an exception. Its name, which Bedrock has in a header, stands in
 * `__type`; our reason and the request id stand beside it.
 */
export function writeError(error: GatewayError, requestId: string): string {
  return JSON.stringify({
    __type: exceptionOf(error),
    message: error.message,
    reason: error.reason,
    request_id: requestId,
  });
}

/** The frame that ends a stream which can't end well. */
export function writeStreamError(error: GatewayError, _requestId: string): string {
  const name = exceptionOf(error);
  return writeException(name.slice(0, 1).toLowerCase() + name.slice(1), error.message);
}

function exceptionOf({ reason }: GatewayError): string {
  const status = reasons[reason].httpStatus;
  switch (status) {
    case 401:
    case 403:
      return "AccessDeniedException";
    case 404:
      return "ResourceNotFoundException";
    case 408:
    case 504:
      return "ModelTimeoutException";
    case 429:
      return "ThrottlingException";
    case 503:
      return "ServiceUnavailableException";
    default:
      return status >= 500 ? "InternalServerException" : "ValidationException";
  }
}
