import { isJsonObject } from "../read-json.ts";

const counts = new Set([
  "minItems",
  "maxItems",
  "minLength",
  "maxLength",
  "minProperties",
  "maxProperties",
]);

/**
 * JSON Schema that says the same as a `Schema` of the Gemini API: its types are in capitals, null is
 * a flag, 64-bit counts are text. Members that JSON Schema does not know are left out.
 */
export function jsonSchemaOf(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    const converted = convert(name, value);
    if (converted !== undefined) written[name] = converted;
  }
  if (schema["nullable"] === true && typeof written["type"] === "string") {
    written["type"] = [written["type"], "null"];
  }
  return written;
}

function convert(name: string, value: unknown): unknown {
  if (counts.has(name)) return typeof value === "string" ? Number(value) : value;
  switch (name) {
    case "type":
      return typeof value === "string" ? typeName(value) : value;
    case "nullable":
    case "propertyOrdering":
    case "property_ordering":
    case "example":
      return undefined;
    case "properties":
      return isJsonObject(value) ? mapMembers(value) : value;
    case "anyOf":
    case "any_of":
      return Array.isArray(value) ? value.map(convertOne) : value;
    case "items":
      return convertOne(value);
    default:
      return value;
  }
}

function typeName(name: string): string | undefined {
  return name === "TYPE_UNSPECIFIED" ? undefined : name.toLowerCase();
}

function mapMembers(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).map(([name, schema]) => [name, convertOne(schema)]),
  );
}

function convertOne(schema: unknown): unknown {
  return isJsonObject(schema) ? jsonSchemaOf(schema) : schema;
}
