import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { isMessage } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { isReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Interceptor } from "@connectrpc/connect";
import type { FieldViolation } from "@penstock/errors";
import { GatewayError } from "@penstock/errors";

/** Bounds that hold for every message of the control plane, whatever its meaning. */
const maxTextCharacters = 65_536;
const maxItems = 10_000;
const maxDepth = 32;

/** A caller that gets one field wrong a thousand times learns nothing from more than these. */
const maxViolations = 10;

/** Refuses request messages beyond the generic bounds and enum values that are not known. */
export const validationInterceptor: Interceptor = (next) => (request) => {
  if (!request.stream) {
    assertGenericBounds(request.method.input, request.message);
    return next(request);
  }
  const { input } = request.method;
  return next({ ...request, message: checked(input, request.message) });
};

async function* checked<Item extends Message>(
  schema: DescMessage,
  messages: AsyncIterable<Item>,
): AsyncGenerator<Item> {
  for await (const message of messages) {
    assertGenericBounds(schema, message);
    yield message;
  }
}

/** Throws FIELD_INVALID with one violation per field that is too long, too deep or unknown. */
export function assertGenericBounds(schema: DescMessage, message: Message): void {
  if (!isMessage(message, schema)) return;
  const violations: FieldViolation[] = [];
  checkMessage(reflect(schema, message), "", violations, 0);
  if (violations.length === 0) return;
  const fieldViolations = violations.slice(0, maxViolations);
  const fields = fieldViolations.map(({ field, description }) => `${field} ${description}`);
  throw new GatewayError("FIELD_INVALID", `The request is malformed: ${fields.join("; ")}.`, {
    fieldViolations,
  });
}

function checkMessage(
  message: ReflectMessage,
  path: string,
  violations: FieldViolation[],
  depth: number,
): void {
  if (depth > maxDepth) {
    violations.push({ field: path, description: `is nested deeper than ${maxDepth} messages` });
    return;
  }
  for (const field of message.fields) {
    if (violations.length >= maxViolations) return;
    if (!message.isSet(field)) continue;
    const fieldPath = path === "" ? field.name : `${path}.${field.name}`;
    for (const [itemPath, value] of fieldValues(message, field, fieldPath, violations)) {
      if (isReflectMessage(value)) checkMessage(value, itemPath, violations, depth + 1);
      else checkScalar(field, value, itemPath, violations);
    }
  }
}

function* fieldValues(
  message: ReflectMessage,
  field: DescField,
  path: string,
  violations: FieldViolation[],
): Generator<[string, unknown]> {
  if (field.fieldKind !== "list" && field.fieldKind !== "map") {
    yield [path, message.get(field)];
    return;
  }
  const items = field.fieldKind === "list" ? message.get(field) : message.get(field);
  if (items.size > maxItems) {
    violations.push({ field: path, description: `has more than ${maxItems} items` });
    return;
  }
  for (const [key, value] of items.entries()) {
    if (typeof key === "string") checkScalar(field, key, path, violations);
    yield [`${path}[${String(key).slice(0, 64)}]`, value];
  }
}

function checkScalar(
  field: DescField,
  value: unknown,
  path: string,
  violations: FieldViolation[],
): void {
  if (typeof value === "string" && value.length > maxTextCharacters) {
    violations.push({ field: path, description: `is longer than ${maxTextCharacters} characters` });
  }
  const { enum: enumType } = field;
  if (enumType !== undefined && typeof value === "number" && !(value in enumType.value)) {
    violations.push({ field: path, description: `has the unknown value ${value}` });
  }
}
