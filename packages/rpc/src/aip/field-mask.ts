import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { clone, create } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { GatewayError } from "@penstock/errors";

/** The paths of a `google.protobuf.FieldMask`, by proto field names. */
interface Mask {
  readonly paths: readonly string[];
}

const maxPaths = 1_000;

/**
 * The result of an update (AIP-134): a copy of `current` in which the masked fields have the
 * values of `update`, or are cleared where `update` lacks them. Without a mask, or with an empty
 * one, the populated fields of `update` are taken; `*` takes every field. A path may go into
 * messages and end at a key of a map with text keys (`labels.team`). Throws FIELD_INVALID for a
 * path that leads nowhere.
 */
export function applyFieldMask<Desc extends DescMessage>(
  schema: Desc,
  current: MessageShape<Desc>,
  update: MessageShape<Desc>,
  mask: Mask | undefined,
): MessageShape<Desc> {
  const paths = effectivePaths(schema, update, mask);
  if (paths.includes("*")) {
    if (paths.length > 1) throw invalidPath("*", "must stand alone");
    return clone(schema, update);
  }
  const result = clone(schema, current);
  const source = reflect(schema, clone(schema, update));
  for (const path of paths) copyPath(source, reflect(schema, result), path.split("."), path);
  return result;
}

function effectivePaths<Desc extends DescMessage>(
  schema: Desc,
  update: MessageShape<Desc>,
  mask: Mask | undefined,
): readonly string[] {
  if (mask !== undefined && mask.paths.length > maxPaths) {
    throw invalidPath("", `has more than ${maxPaths} paths`);
  }
  if (mask !== undefined && mask.paths.length > 0) return mask.paths;
  const message = reflect(schema, update);
  return message.fields.filter((field) => message.isSet(field)).map((field) => field.name);
}

function copyPath(
  source: ReflectMessage | undefined,
  target: ReflectMessage,
  segments: readonly string[],
  path: string,
): void {
  const [name = "", ...rest] = segments;
  const field = target.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw invalidPath(path, "names no field");
  if (rest.length === 0) copyField(source, target, field);
  else if (field.fieldKind === "map") copyEntry(source, target, field, rest.join("."));
  else if (field.fieldKind === "message") {
    const inner = source?.isSet(field) === true ? source.get(field) : undefined;
    const isSet = target.isSet(field);
    const result = isSet ? target.get(field) : reflect(field.message, create(field.message));
    copyPath(inner, result, rest, path);
    if (inner !== undefined || isSet) target.set(field, result);
  } else throw invalidPath(path, `goes into ${field.name}, which is no message`);
}

function copyField(
  source: ReflectMessage | undefined,
  target: ReflectMessage,
  field: DescField,
): void {
  if (source?.isSet(field) === true) target.set(field, source.get(field));
  else target.clear(field);
}

function copyEntry(
  source: ReflectMessage | undefined,
  target: ReflectMessage,
  field: DescField & { fieldKind: "map" },
  key: string,
): void {
  const entries = target.get(field);
  const value: unknown = source?.get(field).get(key);
  if (value === undefined) entries.delete(key);
  else entries.set(key, value);
}

function invalidPath(path: string, description: string): GatewayError {
  const shown = path.slice(0, 128);
  const message = `The update mask is wrong: ${shown} ${description}.`;
  return new GatewayError("FIELD_INVALID", message, {
    fieldViolations: [{ field: "update_mask", description: `${shown} ${description}` }],
    metadata: { path: shown },
  });
}
