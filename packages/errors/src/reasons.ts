import { Code } from "@penstock/api";

/**
 * Whether asking again can help: `never` the same request fails the same way, `same` it may be
 * sent again at once, `later` after the delay that the error names.
 */
export type Retry = "never" | "same" | "later";

/** Who has to act so that the error goes away. */
export type Blame = "caller" | "policy" | "quota" | "provider" | "gateway";

/** The level at which an error of the reason is logged by the side that sends it. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a reason means: its gRPC code, its HTTP status and how it is treated. */
export interface ReasonRow {
  readonly grpcCode: number;
  readonly httpStatus: number;
  readonly retry: Retry;
  readonly blame: Blame;
  readonly logLevel: LogLevel;
}

function row(grpcCode: number, httpStatus: number, retry: Retry, blame: Blame): ReasonRow {
  return { grpcCode, httpStatus, retry, blame, logLevel: logLevels[blame] };
}

const logLevels: Record<Blame, LogLevel> = {
  caller: "info",
  policy: "info",
  quota: "info",
  provider: "warn",
  gateway: "warn",
};

const {
  ABORTED,
  ALREADY_EXISTS,
  CANCELLED,
  DEADLINE_EXCEEDED,
  FAILED_PRECONDITION,
  INTERNAL,
  INVALID_ARGUMENT,
  NOT_FOUND,
  PERMISSION_DENIED,
  RESOURCE_EXHAUSTED,
  UNAUTHENTICATED,
  UNAVAILABLE,
  UNIMPLEMENTED,
} = Code;

/**
 * The table of every error. Its keys are the names of `penstock.error.v1.ErrorReason` without the
 * prefix. 499 is the status that nginx gives to requests whose client went away.
 */
export const reasons = {
  KEY_MISSING: row(UNAUTHENTICATED, 401, "never", "caller"),
  KEY_INVALID: row(UNAUTHENTICATED, 401, "never", "caller"),
  KEY_EXPIRED: row(UNAUTHENTICATED, 401, "never", "caller"),
  KEY_REVOKED: row(UNAUTHENTICATED, 401, "never", "caller"),
  MODEL_NOT_ALLOWED: row(PERMISSION_DENIED, 403, "never", "policy"),
  POLICY_DENIED: row(PERMISSION_DENIED, 403, "never", "policy"),
  MODEL_NOT_FOUND: row(NOT_FOUND, 404, "never", "caller"),
  FIELD_INVALID: row(INVALID_ARGUMENT, 400, "never", "caller"),
  UNSUPPORTED_FIELD: row(INVALID_ARGUMENT, 400, "never", "caller"),
  UNSUPPORTED_MEDIA_TYPE: row(INVALID_ARGUMENT, 415, "never", "caller"),
  ENDPOINT_NOT_FOUND: row(NOT_FOUND, 404, "never", "caller"),
  METHOD_NOT_ALLOWED: row(UNIMPLEMENTED, 405, "never", "caller"),
  UPSTREAM_REJECTED_REQUEST: row(INVALID_ARGUMENT, 400, "never", "caller"),
  CONTEXT_LENGTH_EXCEEDED: row(INVALID_ARGUMENT, 400, "never", "caller"),
  REQUEST_TOO_LARGE: row(INVALID_ARGUMENT, 413, "never", "caller"),
  CONTENT_FILTERED: row(INVALID_ARGUMENT, 400, "never", "caller"),
  LIMIT_EXCEEDED: row(RESOURCE_EXHAUSTED, 429, "later", "quota"),
  BUDGET_EXHAUSTED: row(RESOURCE_EXHAUSTED, 429, "later", "quota"),
  QUOTA_UNAVAILABLE: row(UNAVAILABLE, 503, "later", "gateway"),
  METERING_UNAVAILABLE: row(UNAVAILABLE, 503, "later", "gateway"),
  UPSTREAM_RATE_LIMITED: row(RESOURCE_EXHAUSTED, 429, "later", "provider"),
  UPSTREAM_OVERLOADED: row(UNAVAILABLE, 503, "later", "provider"),
  UPSTREAM_AUTHENTICATION_FAILED: row(UNAVAILABLE, 502, "later", "provider"),
  UPSTREAM_FAILED: row(UNAVAILABLE, 502, "same", "provider"),
  UPSTREAM_MALFORMED: row(UNAVAILABLE, 502, "same", "provider"),
  UPSTREAM_TIMEOUT: row(DEADLINE_EXCEEDED, 504, "same", "provider"),
  STREAM_INTERRUPTED: row(UNAVAILABLE, 502, "same", "provider"),
  OVERLOADED: row(UNAVAILABLE, 503, "later", "gateway"),
  DRAINING: row(UNAVAILABLE, 503, "same", "gateway"),
  NOT_READY: row(UNAVAILABLE, 503, "later", "gateway"),
  NO_HEALTHY_TARGET: row(UNAVAILABLE, 503, "later", "provider"),
  NO_TARGET_FITS: row(FAILED_PRECONDITION, 400, "never", "caller"),
  PRICE_MISSING: row(PERMISSION_DENIED, 403, "never", "policy"),
  CREDENTIAL_MISSING: row(UNAVAILABLE, 503, "never", "gateway"),
  DEADLINE_EXCEEDED: row(DEADLINE_EXCEEDED, 504, "same", "caller"),
  CANCELLED: row(CANCELLED, 499, "never", "caller"),
  ETAG_MISMATCH: row(ABORTED, 409, "never", "caller"),
  ALREADY_EXISTS: row(ALREADY_EXISTS, 409, "never", "caller"),
  RESOURCE_NOT_FOUND: row(NOT_FOUND, 404, "never", "caller"),
  RESOURCE_IN_USE: row(FAILED_PRECONDITION, 409, "never", "caller"),
  PAGE_TOKEN_INVALID: row(INVALID_ARGUMENT, 400, "never", "caller"),
  ADMIN_UNAUTHENTICATED: row(UNAUTHENTICATED, 401, "never", "caller"),
  ADMIN_PERMISSION_DENIED: row(PERMISSION_DENIED, 403, "never", "policy"),
  FAILED_PRECONDITION: row(FAILED_PRECONDITION, 400, "never", "caller"),
  UNAVAILABLE: row(UNAVAILABLE, 503, "later", "gateway"),
  UNIMPLEMENTED: row(UNIMPLEMENTED, 501, "never", "caller"),
  INTERNAL: { ...row(INTERNAL, 500, "never", "gateway"), logLevel: "error" },
} as const satisfies Record<string, ReasonRow>;

/** The name of a reason, as in `ErrorInfo.reason`. */
export type ErrorReason = keyof typeof reasons;

/** True when `text` names a row of the table. */
export function isErrorReason(text: string): text is ErrorReason {
  return Object.hasOwn(reasons, text);
}
