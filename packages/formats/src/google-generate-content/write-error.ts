import { reasons, type GatewayError } from "@penstock/errors";

/** Names of google.rpc.Code by number. */
const statusNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

const typePrefix = "type.googleapis.com/google.rpc.";

/** Writes an error as Google's APIs do: code of HTTP, status of gRPC, details of google.rpc. */
export function writeError(error: GatewayError, requestId: string): string {
  return JSON.stringify({ error: errorObject(error, requestId) });
}

/** The event that ends a stream which can't end well; no finish reason ever follows it. */
export function writeStreamError(error: GatewayError, requestId: string): string {
  return `data: ${JSON.stringify({ error: errorObject(error, requestId) })}\r\n\r\n`;
}

function errorObject(error: GatewayError, requestId: string): Record<string, unknown> {
  const { httpStatus, grpcCode } = reasons[error.reason];
  return {
    code: httpStatus,
    message: error.message,
    status: statusNames[grpcCode] ?? "UNKNOWN",
    details: detailsOf(error, requestId),
  };
}

function detailsOf(error: GatewayError, requestId: string): Record<string, unknown>[] {
  const { reason, source, fieldViolations, retryAfterMs } = error;
  const details: Record<string, unknown>[] = [
    {
      "@type": `${typePrefix}ErrorInfo`,
      reason,
      domain: "penstock",
      metadata: { ...error.metadata, source },
    },
    { "@type": `${typePrefix}RequestInfo`, requestId },
  ];
  if (fieldViolations.length > 0) {
    details.push({ "@type": `${typePrefix}BadRequest`, fieldViolations });
  }
  if (retryAfterMs !== undefined) {
    const retryDelay = `${(retryAfterMs / 1_000).toFixed(3).replace(/\.?0+$/, "")}s`;
    details.push({ "@type": `${typePrefix}RetryInfo`, retryDelay });
  }
  return details;
}
