import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { StatusSchema } from "@penstock/api";
import { fromStatus, GatewayError, toGatewayError, toStatus } from "@penstock/errors";
import { markNeighbourError } from "./neighbour-error.ts";

const typePrefix = "type.googleapis.com/";

/** Renders an error for the Connect library, which writes it in the protocol of the caller. */
export function toConnectError(error: GatewayError, requestId: string): ConnectError {
  const status = toStatus(error, requestId);
  const result = new ConnectError(status.message, status.code as Code);
  result.details = status.details.map((detail) => ({
    type: detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1),
    value: detail.value,
  }));
  result.cause = error;
  return result;
}

/** Decodes what a client call threw; the result is marked as a neighbour's. */
export function fromConnectError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const error = ConnectError.from(thrown);
  if (error.cause instanceof GatewayError) return error.cause;
  const details = error.details.map((detail) =>
    "desc" in detail
      ? anyPack(detail.desc, create(detail.desc, detail.value))
      : incomingDetail(detail.type, detail.value),
  );
  const status = create(StatusSchema, { code: error.code, message: error.rawMessage, details });
  return markNeighbourError(fromStatus(status), thrown);
}

/** What an implementation or the library threw while serving a call. */
export function fromServerError(thrown: unknown): GatewayError {
  if (!(thrown instanceof ConnectError)) return toGatewayError(thrown);
  if (thrown.cause instanceof GatewayError) return thrown.cause;
  if (thrown.isWireError) return fromConnectError(thrown);
  if (thrown.code === Code.InvalidArgument) {
    return new GatewayError("FIELD_INVALID", thrown.rawMessage, { cause: thrown });
  }
  const { reason } = fromStatus(create(StatusSchema, { code: thrown.code }));
  if (reason === "INTERNAL") return toGatewayError(thrown);
  return new GatewayError(reason, thrown.rawMessage, { cause: thrown });
}

function incomingDetail(type: string, value: Uint8Array): Any {
  return create(AnySchema, { typeUrl: typePrefix + type, value });
}
