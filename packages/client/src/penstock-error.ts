import { create, fromBinary } from "@bufbuild/protobuf";
import type { Metadata, ServiceError } from "@grpc/grpc-js";
import type { Status } from "@penstock/api";
import { StatusSchema } from "@penstock/api";
import type { ErrorReason, Exclusion, FieldViolation, QuotaViolation } from "@penstock/errors";
import { fromStatus, GatewayError, reasons } from "@penstock/errors";

/**
 * A call that failed, with everything the gateway says about it. `reason` is stable and made to be
 * compared; `message` is for people and may change.
 */
export class PenstockError extends Error {
  /** The gRPC code, such as 8 for RESOURCE_EXHAUSTED. */
  readonly code: number;
  readonly reason: ErrorReason;
  /** Where the error arose: the caller, the gateway or the provider. */
  readonly source: "downstream" | "gateway" | "upstream";
  /** The id under which the gateway logs the request; empty when it was not reached. */
  readonly requestId: string;
  /** The trace of the request; empty when the gateway was not reached. */
  readonly traceId: string;
  /** How long to wait before the same request can succeed; undefined when waiting does not help. */
  readonly retryDelayMs: number | undefined;
  readonly quotaViolations: readonly QuotaViolation[];
  readonly fieldViolations: readonly FieldViolation[];
  /** Why each candidate did not answer; empty when none was weighed. */
  readonly exclusions: readonly Exclusion[];
  /** How many targets were tried; undefined when the error arose before the first. */
  readonly attempts: number | undefined;
  /** True when a part of the answer had been sent before the failure. */
  readonly committed: boolean;
  /** Every variable of the message, by name. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    error: GatewayError,
    received: { requestId?: string; traceId?: string; cause?: unknown } = {},
  ) {
    super(error.message, { cause: received.cause });
    this.name = "PenstockError";
    this.code = reasons[error.reason].grpcCode;
    this.reason = error.reason;
    this.source = error.source;
    this.requestId = received.requestId ?? "";
    this.traceId = received.traceId ?? "";
    this.retryDelayMs = error.retryAfterMs;
    this.quotaViolations = error.quotaViolations;
    this.fieldViolations = error.fieldViolations;
    this.exclusions = error.exclusions;
    this.attempts = attemptsOf(error.metadata["attempts"]);
    this.committed = error.metadata["committed"] === "true";
    this.metadata = error.metadata;
  }
}

/** Decodes what grpc-js reports; `initial` is the metadata of the response's beginning. */
export function toPenstockError(error: ServiceError, initial?: Metadata): PenstockError {
  const decoded = fromStatus(statusOf(error));
  const read = (key: string): string =>
    firstText(error.metadata, key) ?? firstText(initial, key) ?? "";
  return new PenstockError(decoded, {
    requestId: decoded.requestId ?? read("x-request-id"),
    traceId: read("x-penstock-trace-id"),
    cause: error,
  });
}

/** The error of a call whose signal was aborted before it began. */
export function cancelledError(): PenstockError {
  return new PenstockError(new GatewayError("CANCELLED", "The call was cancelled by its signal."));
}

/** The error of a call of a client that was closed. */
export function closedError(): PenstockError {
  return new PenstockError(new GatewayError("CANCELLED", "The client was closed before the call."));
}

function statusOf(error: ServiceError): Status {
  const plain = create(StatusSchema, { code: error.code, message: error.details });
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(bytes instanceof Uint8Array)) return plain;
  try {
    const status = fromBinary(StatusSchema, bytes);
    // Details of another code were put there by somebody in between.
    return status.code === error.code ? status : plain;
  } catch {
    return plain;
  }
}

function firstText(metadata: Metadata | undefined, key: string): string | undefined {
  const [value] = metadata?.get(key) ?? [];
  return typeof value === "string" ? value : undefined;
}

function attemptsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}
