import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { clone, toBinary } from "@bufbuild/protobuf";
import type { ReflectList, ReflectMap, ReflectMessage } from "@bufbuild/protobuf/reflect";
import { isReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/**
 * The bytes of a message such that equal messages have equal bytes: map entries are sorted by
 * key and fields unknown to this version are left out, as are the `excluded` top-level fields
 * (proto names).
 */
export function canonicalBytes<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  excluded: readonly string[] = [],
): Uint8Array {
  const copy = clone(schema, message);
  const reflected = reflect(schema, copy);
  for (const field of reflected.fields) {
    if (excluded.includes(field.name)) reflected.clear(field);
  }
  sortMaps(reflected);
  return toBinary(schema, copy, { writeUnknownFields: false });
}

function sortMaps(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "map") sortEntries(message.get(field));
    else if (field.fieldKind === "list") sortItems(message.get(field));
    else if (field.fieldKind === "message") {
      // Set again, since a Struct is reflected as a copy of its JSON.
      const value = message.get(field);
      sortMaps(value);
      message.set(field, value);
    }
  }
}

function sortItems(list: ReflectList): void {
  for (const [index, item] of [...list].entries()) {
    if (!isReflectMessage(item)) return;
    sortMaps(item);
    list.set(index, item);
  }
}

function sortEntries(map: ReflectMap): void {
  const entries = [...map.entries()].toSorted(([a], [b]) => compareKeys(a, b));
  map.clear();
  for (const [key, value] of entries) {
    if (isReflectMessage(value)) sortMaps(value);
    map.set(key, value);
  }
}

/** By code units, which no locale changes. */
function compareKeys(a: unknown, b: unknown): number {
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
