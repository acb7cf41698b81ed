import { isJsonObject } from "../read-json.ts";

/** Deeper schemas are not looked at. */
const maxDepth = 64;

/**
 * Whether a schema is one that OpenAI's strict mode takes as well: every object names all its members
 * as required and has no others (platform.openai.com/docs/guides/structured-outputs, "Supported
 * schemas"). This format always keeps to a schema, which there has to be asked for.
 */
export function isStrictSchema(schema: unknown, depth = 0): boolean {
  if (Array.isArray(schema)) return schema.every((one) => isStrictSchema(one, depth + 1));
  if (!isJsonObject(schema)) return true;
  if (depth > maxDepth) return false;
  const { type, properties, required, additionalProperties } = schema;
  const isObject = type === "object" || isJsonObject(properties);
  if (isObject && additionalProperties !== false) return false;
  const names = isJsonObject(properties) ? Object.keys(properties) : [];
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  if (!names.every((name) => needed.includes(name))) return false;
  const { items, anyOf, $defs, definitions } = schema;
  const lists = [properties, $defs, definitions].map((members) =>
    isJsonObject(members) ? Object.values(members) : [],
  );
  return [...lists, anyOf, items].every((one) => isStrictSchema(one, depth + 1));
}
