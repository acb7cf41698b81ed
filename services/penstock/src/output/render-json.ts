import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { toJsonString } from "@bufbuild/protobuf";

/**
 * An answer as `-o json` prints it: proto JSON in which lists, numbers and texts stand also when
 * they are empty, so that a script finds what it looks for. Only what may be absent is left out.
 */
export function renderJson<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
): string {
  const options = { prettySpaces: 2, alwaysEmitImplicit: true };
  return `${toJsonString(schema, message, options)}\n`;
}
