import type { DescMessage, DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

/**
 * Describes a service for grpc-js, server or client; methods have their lowerCamelCase names.
 * Where a message is to be written, its bytes (a Uint8Array) may be given as well.
 */
export function grpcServiceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, grpcMethodDefinition(method)]),
  );
}

/** Describes one method for grpc-js. */
export function grpcMethodDefinition(method: DescMethod): MethodDefinition<unknown, unknown> {
  const { methodKind } = method;
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    originalName: method.localName,
    requestStream: methodKind === "client_streaming" || methodKind === "bidi_streaming",
    responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
    requestSerialize: serializer(method.input),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: serializer(method.output),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

function serializer(schema: DescMessage): (value: unknown) => Buffer {
  return (value) =>
    asBuffer(
      value instanceof Uint8Array ? value : toBinary(schema, create(schema, value as Message)),
    );
}

/** grpc-js insists on a Buffer; this is one over the same memory, without a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
