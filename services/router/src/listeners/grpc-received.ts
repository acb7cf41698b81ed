import { fromBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { GatewayError } from "@penstock/errors";

/** A request message with the size it had on the wire, or why it can't be read. */
export interface Received<Message> {
  readonly message: Message | undefined;
  readonly sizeBytes: number;
}

/** Reads a message, never throws. */
export function receive<Schema extends DescMessage>(
  schema: Schema,
  bytes: Buffer,
): Received<MessageShape<Schema>> {
  try {
    return { message: fromBinary(schema, bytes), sizeBytes: bytes.length };
  } catch {
    return { message: undefined, sizeBytes: bytes.length };
  }
}

/** The error of a message that can't be read. */
export function unreadable(): GatewayError {
  return new GatewayError("FIELD_INVALID", "The message can't be read as protobuf.", {
    fieldViolations: [{ field: "", description: "is not a message of the method's input type" }],
  });
}
