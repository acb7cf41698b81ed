import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { isReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/**
 * Removes fields that this version does not know, at every depth (security.md R18): what nobody
 * could check must not be stored and published.
 */
export function dropUnknownFields<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): void {
  drop(reflect(schema, message));
}

function drop(message: ReflectMessage): void {
  message.setUnknown([]);
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "message") drop(message.get(field));
    else if (field.fieldKind === "list") dropFromAll(message.get(field));
    else if (field.fieldKind === "map") dropFromAll(message.get(field).values());
  }
}

function dropFromAll(values: Iterable<unknown>): void {
  for (const value of values) if (isReflectMessage(value)) drop(value);
}
