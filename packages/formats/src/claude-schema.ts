import type { Tool } from "@penstock/api";
import type { JsonObject } from "./format.ts";
import { isJsonObject } from "./read-json.ts";

/** Bounds that the constrained output of these APIs refuses. */
const refused: ReadonlySet<string> = new Set([
  "exclusiveMaximum",
  "exclusiveMinimum",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "minLength",
  "minProperties",
  "minimum",
  "multipleOf",
  "uniqueItems",
]);
const formats: ReadonlySet<unknown> = new Set([
  "date",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "time",
  "uri",
  "uuid",
]);
/** Deeper schemas are left as they are. */
const maxDepth = 64;

/**
 * A schema as the constrained output of Claude takes it, in the way of Anthropic's own SDKs
 * (platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations" and "How
 * SDK transformation works"; the same of Bedrock's userguide/structured-output.html): bounds that it
 * refuses stand in the description, and objects have no members but the named ones. `warn` is told.
 */
export function claudeSchema(
  schema: JsonObject,
  warn: ((warning: string) => void) | undefined,
): JsonObject {
  const moved = new Set<string>();
  const written = schemaOf(schema, moved, 0);
  if (moved.size === 0) return schema;
  const names = [...moved].toSorted().join(", ");
  warn?.(`approximated: the schema says in descriptions or not at all: ${names}`);
  return written as JsonObject;
}

function schemaOf(schema: unknown, moved: Set<string>, depth: number): unknown {
  if (!isJsonObject(schema) || depth > maxDepth) return schema;
  const written: Record<string, unknown> = {};
  const told: string[] = [];
  for (const [name, value] of Object.entries(schema)) {
    if (isRefused(name, value)) {
      moved.add(name);
      told.push(`${name}: ${JSON.stringify(value)}`);
    } else if (name === "oneOf" && !("anyOf" in schema)) {
      moved.add(name);
      written["anyOf"] = listOf(value, moved, depth);
    } else written[name] = memberOf(name, value, moved, depth);
  }
  if (isObject(schema) && schema["additionalProperties"] !== false) {
    moved.add("additionalProperties");
    written["additionalProperties"] = false;
  }
  if (told.length > 0) {
    const { description } = schema;
    const bounds = `{${told.join(", ")}}`;
    written["description"] =
      typeof description === "string" ? `${description}\n\n${bounds}` : bounds;
  }
  return written;
}

function isRefused(name: string, value: unknown): boolean {
  if (name === "minItems") return value !== 0 && value !== 1;
  if (name === "format") return !formats.has(value);
  return refused.has(name);
}

function isObject({ type, properties }: Record<string, unknown>): boolean {
  return (
    type === "object" ||
    (Array.isArray(type) && type.includes("object")) ||
    isJsonObject(properties)
  );
}

function memberOf(name: string, value: unknown, moved: Set<string>, depth: number): unknown {
  switch (name) {
    case "properties":
    case "$defs":
    case "definitions":
      return isJsonObject(value) ? membersOf(value, moved, depth) : value;
    case "items":
    case "additionalProperties":
      return schemaOf(value, moved, depth + 1);
    case "anyOf":
    case "allOf":
    case "prefixItems":
      return listOf(value, moved, depth);
    default:
      return value;
  }
}

function membersOf(
  members: Record<string, unknown>,
  moved: Set<string>,
  depth: number,
): Record<string, unknown> {
  const entries = Object.entries(members);
  return Object.fromEntries(entries.map(([name, one]) => [name, schemaOf(one, moved, depth + 1)]));
}

function listOf(value: unknown, moved: Set<string>, depth: number): unknown {
  return Array.isArray(value) ? value.map((one) => schemaOf(one, moved, depth + 1)) : value;
}

const combinators = ["anyOf", "allOf", "oneOf"] as const;

const noArguments: JsonObject = { type: "object", properties: {} };

/**
 * The schema of a tool's arguments as Claude and Bedrock take it: an object, and no choice of schemas at
 * its top (platform.claude.com/docs/en/agents-and-tools/tool-use, "Defining tools"). Such a choice is
 * left out, and `warn` is told. A strict one is bound by more.
 */
export function claudeToolSchema(
  { inputSchema = noArguments, strict }: Pick<Tool, "inputSchema" | "strict">,
  warn: ((warning: string) => void) | undefined,
): JsonObject {
  const schema = withoutChoice(inputSchema, warn);
  return strict === true ? claudeSchema(schema, warn) : schema;
}

function withoutChoice(
  schema: JsonObject,
  warn: ((warning: string) => void) | undefined,
): JsonObject {
  const found = combinators.filter((name) => name in schema);
  if (found.length === 0) return "type" in schema ? schema : { type: "object", ...schema };
  const kept: JsonObject = { type: "object", ...schema };
  for (const name of found) delete kept[name];
  warn?.(`approximated: the arguments of a tool are described without ${found.join(", ")}`);
  return kept;
}
