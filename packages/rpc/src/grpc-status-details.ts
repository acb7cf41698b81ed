import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Status } from "@penstock/api";
import { StatusSchema } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import { fromStatus, toStatus } from "@penstock/errors";
import { Metadata } from "@grpc/grpc-js";

/** An error in the form that grpc-js takes in callbacks and `destroy`, and gives to clients. */
export interface GrpcError extends Error {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

const detailsKey = "grpc-status-details-bin";

/** Clients bound all trailers at 8 KiB by default, and base64 adds a third. */
const maxDetailsBytes = 5_000;

/** ErrorInfo, RequestInfo and RetryInfo come first in a status and are never left out. */
const alwaysSent = /\.(?:ErrorInfo|RequestInfo|RetryInfo)$/;

/** Renders an error for grpc-js, which does not write the details by itself. */
export function toGrpcError(error: GatewayError, requestId: string, traceId?: string): GrpcError {
  const status = toStatus(error, requestId);
  const metadata = new Metadata();
  metadata.set("x-request-id", requestId);
  if (traceId !== undefined) metadata.set("x-penstock-trace-id", traceId);
  metadata.set(detailsKey, boundedBytes(status));
  const result = new Error(status.message, { cause: error });
  return Object.assign(result, { code: status.code, details: status.message, metadata });
}

/** Reads an error that a grpc-js client got. */
export function fromGrpcError(error: Pick<GrpcError, "code" | "details" | "metadata">) {
  return fromStatus(statusOf(error));
}

function statusOf(error: Pick<GrpcError, "code" | "details" | "metadata">): Status {
  const plain = create(StatusSchema, { code: error.code, message: error.details });
  const [bytes] = error.metadata.get(detailsKey);
  if (!(bytes instanceof Uint8Array)) return plain;
  try {
    const status = fromBinary(StatusSchema, bytes);
    return status.code === error.code ? status : plain;
  } catch {
    return plain;
  }
}

function boundedBytes(status: Status): Buffer {
  let bytes = toBinary(StatusSchema, status);
  while (bytes.length > maxDetailsBytes) {
    const index = status.details.findLastIndex(({ typeUrl }) => !alwaysSent.test(typeUrl));
    if (index < 0) break;
    status.details.splice(index, 1);
    bytes = toBinary(StatusSchema, status);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
