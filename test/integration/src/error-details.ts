import { createRegistry, fromBinary } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details, StatusSchema } from "@penstock/api";
import type { ErrorInfo, QuotaFailure, RetryInfo } from "@penstock/api";

const registry = createRegistry(file_google_rpc_error_details);

/** The details of a refusal by a limit or a budget, as they came over the wire. */
export interface QuotaErrorDetails {
  readonly quotaFailure: QuotaFailure | undefined;
  readonly retryInfo: RetryInfo | undefined;
  readonly errorInfo: ErrorInfo | undefined;
}

/** Reads `grpc-status-details-bin` of the error that grpc-js gave to the client. */
export function quotaErrorDetails(error: unknown): QuotaErrorDetails {
  const details = detailsOf(error);
  const find = (type: string): Message | undefined =>
    details.find((detail) => detail.$typeName === `google.rpc.${type}`);
  return {
    quotaFailure: find("QuotaFailure") as QuotaFailure | undefined,
    retryInfo: find("RetryInfo") as RetryInfo | undefined,
    errorInfo: find("ErrorInfo") as ErrorInfo | undefined,
  };
}

function detailsOf(error: unknown): Message[] {
  if (!(error instanceof Error) || !hasMetadata(error.cause)) return [];
  const [bytes] = error.cause.metadata.get("grpc-status-details-bin");
  if (bytes === undefined || typeof bytes === "string") return [];
  return fromBinary(StatusSchema, bytes)
    .details.map((detail) => anyUnpack(detail, registry))
    .filter((detail) => detail !== undefined);
}

function hasMetadata(
  cause: unknown,
): cause is { readonly metadata: { get(key: string): (string | Uint8Array)[] } } {
  return typeof cause === "object" && cause !== null && "metadata" in cause;
}
