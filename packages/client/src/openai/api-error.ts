import { GatewayError, reasons, toGatewayError } from "@penstock/errors";
import { openaiChat } from "@penstock/formats";
import { PenstockError } from "../penstock-error.ts";

/** What an answer of the API says about a failure. */
interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly param: string | null;
}

/**
 * A call that failed, as the official client tells it. `cause` is the PenstockError, which says
 * more: quotas, attempts, why each candidate did not answer.
 */
export class APIError extends Error {
  /** The status that HTTP would have had; undefined when no gateway answered. */
  readonly status: number | undefined;
  /** With `retry-after-ms` and `retry-after` where waiting helps; undefined as with `status`. */
  readonly headers: Headers | undefined;
  /** What the body of an answer over HTTP holds in `error`. */
  readonly error: object | undefined;
  /** Stable name such as `LIMIT_EXCEEDED`; compare this, not the message. */
  readonly code: string | null | undefined;
  /** The first field at fault. */
  readonly param: string | null | undefined;
  readonly type: string | undefined;
  /** The id under which the gateway logs the request. */
  readonly requestID: string | null | undefined;

  constructor(failure: PenstockError, answered = true) {
    const { error } = JSON.parse(
      openaiChat.writeError(asGatewayError(failure), failure.requestId),
    ) as { error: ErrorBody };
    const status = answered ? reasons[failure.reason].httpStatus : undefined;
    super(status === undefined ? error.message : `${status} ${error.message}`, { cause: failure });
    this.name = new.target.name;
    this.status = status;
    this.headers = answered ? headersOf(failure) : undefined;
    this.error = answered ? error : undefined;
    this.code = error.code;
    this.param = error.param;
    this.type = error.type;
    this.requestID = failure.requestId === "" ? null : failure.requestId;
  }
}

/** The caller gave the call up. */
export class APIUserAbortError extends APIError {
  constructor(failure: PenstockError) {
    super(failure, false);
  }
}

/** No gateway answered, or not in time. */
export class APIConnectionError extends APIError {
  constructor(failure: PenstockError) {
    super(failure, false);
  }
}

/** The deadline of the call passed. */
export class APIConnectionTimeoutError extends APIConnectionError {}
/** 400. */
export class BadRequestError extends APIError {}
/** 401. */
export class AuthenticationError extends APIError {}
/** 403. */
export class PermissionDeniedError extends APIError {}
/** 404. */
export class NotFoundError extends APIError {}
/** 409. */
export class ConflictError extends APIError {}
/** 422. */
export class UnprocessableEntityError extends APIError {}
/** 429. */
export class RateLimitError extends APIError {}
/** 500 and above. */
export class InternalServerError extends APIError {}

const classOfStatus: Readonly<Record<number, typeof APIError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: UnprocessableEntityError,
  429: RateLimitError,
};

/**
 * Undefined where a gateway answered. The caller's deadline is told by grpc-js or by the gateway,
 * whoever is first; UNAVAILABLE is found by grpc-js itself when it comes without a request's id.
 */
function unansweredClass(failure: PenstockError): typeof APIConnectionError | undefined {
  if (failure.reason === "DEADLINE_EXCEEDED") return APIConnectionTimeoutError;
  const isUnanswered = failure.reason === "UNAVAILABLE" && failure.requestId === "";
  return isUnanswered ? APIConnectionError : undefined;
}

/**
 * What the official client would throw. `aborted`: the caller gave the call up. What failed in the
 * caller's own process, such as a value that JSON can't hold, stays what it is: no gateway did it.
 */
export function toApiError(error: unknown, aborted = false): unknown {
  if (error instanceof APIError) return error;
  const known = error instanceof PenstockError ? undefined : toGatewayError(error);
  if (known?.reason === "INTERNAL" && known.cause === error && !aborted) return error;
  const failure = error instanceof PenstockError ? error : new PenstockError(toGatewayError(error));
  if (aborted) return new APIUserAbortError(failure);
  const Unanswered = unansweredClass(failure);
  if (Unanswered !== undefined) return new Unanswered(failure);
  const status = reasons[failure.reason].httpStatus;
  const Answered = classOfStatus[status] ?? (status >= 500 ? InternalServerError : APIError);
  return new Answered(failure);
}

function asGatewayError(failure: PenstockError): GatewayError {
  return new GatewayError(failure.reason, failure.message, {
    source: failure.source,
    retryAfterMs: failure.retryDelayMs,
    metadata: failure.metadata,
    fieldViolations: failure.fieldViolations,
    quotaViolations: failure.quotaViolations,
    exclusions: failure.exclusions,
  });
}

function headersOf({ requestId, traceId, retryDelayMs }: PenstockError): Headers {
  const headers = new Headers();
  if (requestId !== "") headers.set("x-request-id", requestId);
  if (traceId !== "") headers.set("x-penstock-trace-id", traceId);
  if (retryDelayMs !== undefined) {
    headers.set("retry-after", String(Math.ceil(retryDelayMs / 1_000)));
    headers.set("retry-after-ms", String(retryDelayMs));
  }
  return headers;
}
