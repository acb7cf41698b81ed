/** Deeper schemas are answered with null there. */
const maximumDepth = 16;

/**
 * The smallest value that a JSON Schema of the common kind allows: every property, the first of
 * several choices, one item in a list. Total: what is not understood becomes null.
 */
export function jsonFor(schema: unknown, depth = 0): unknown {
  if (!isObject(schema) || depth > maximumDepth) return null;
  if ("const" in schema) return schema["const"];
  const choices = listOf(schema["enum"]);
  if (choices.length > 0) return choices[0];
  const variants = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])];
  if (variants.length > 0) return jsonFor(variants[0], depth + 1);
  const type = schema["type"];
  switch (Array.isArray(type) ? type[0] : type) {
    case "object":
      return objectFor(schema["properties"], depth);
    case "array":
      return "items" in schema ? [jsonFor(schema["items"], depth + 1)] : [];
    case "string":
      return "amber";
    case "integer":
    case "number":
      return typeof schema["minimum"] === "number" ? Math.ceil(schema["minimum"]) : 7;
    case "boolean":
      return true;
    default:
      return null;
  }
}

function objectFor(properties: unknown, depth: number): Record<string, unknown> {
  if (!isObject(properties)) return {};
  const members = Object.entries(properties);
  return Object.fromEntries(members.map(([name, schema]) => [name, jsonFor(schema, depth + 1)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
