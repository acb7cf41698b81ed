import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claudeSchema, claudeToolSchema } from "./claude-schema.ts";
import type { JsonObject } from "./format.ts";

function written(schema: JsonObject): { schema: JsonObject; warnings: string[] } {
  const warnings: string[] = [];
  return { schema: claudeSchema(schema, (warning) => warnings.push(warning)), warnings };
}

// platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations".
describe("claudeSchema", () => {
  it("leaves a schema alone that is taken as it is", () => {
    const schema = {
      type: "object",
      properties: {
        format: { type: "string", format: "date-time" },
        minimum: { anyOf: [{ type: "integer", enum: [1, 2] }, { type: "null" }] },
        list: { type: "array", items: { $ref: "#/$defs/a" }, minItems: 1 },
      },
      $defs: { a: { type: "object", properties: {}, additionalProperties: false } },
      required: ["format"],
      additionalProperties: false,
    };
    const { schema: kept, warnings } = written(schema);
    expect(kept).toBe(schema);
    expect(warnings).toEqual([]);
  });

  it("moves what is refused into descriptions, and says so once", () => {
    const { schema, warnings } = written({
      type: "object",
      properties: {
        age: { type: "integer", description: "In years.", minimum: 0, maximum: 150 },
        tags: { type: "array", minItems: 2, items: { type: "string", maxLength: 9 } },
        one: { oneOf: [{ type: ["object", "null"], properties: {} }] },
        colour: { type: "string", format: "color" },
      },
    });
    expect(schema).toEqual({
      type: "object",
      properties: {
        age: { type: "integer", description: "In years.\n\n{minimum: 0, maximum: 150}" },
        tags: {
          type: "array",
          description: "{minItems: 2}",
          items: { type: "string", description: "{maxLength: 9}" },
        },
        one: {
          anyOf: [{ type: ["object", "null"], properties: {}, additionalProperties: false }],
        },
        colour: { type: "string", description: '{format: "color"}' },
      },
      additionalProperties: false,
    });
    expect(warnings).toEqual([
      "approximated: the schema says in descriptions or not at all: additionalProperties, format, " +
        "maxLength, maximum, minItems, minimum, oneOf",
    ]);
  });

  it("never throws, and changes nothing twice", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (schema) => {
        const once = claudeSchema(schema as JsonObject, undefined);
        expect(claudeSchema(once, undefined)).toBe(once);
      }),
    );
  });
});

// platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use, "Defining tools".
describe("claudeToolSchema", () => {
  it("is one of an object, without a choice at its top", () => {
    const warnings: string[] = [];
    const schema = (inputSchema: JsonObject | undefined, strict?: boolean) =>
      claudeToolSchema({ inputSchema, strict }, (warning) => warnings.push(warning));
    const none = { type: "object", properties: {} };
    expect(schema(undefined)).toEqual(none);
    expect(schema({})).toEqual({ type: "object" });
    const n = { type: "integer", minimum: 1 };
    const plain = { type: "object", properties: { n } };
    expect(schema(plain)).toBe(plain);
    expect(warnings).toEqual([]);
    expect(schema({ ...plain, anyOf: [{ required: ["n"] }] })).toEqual(plain);
    expect(warnings).toHaveLength(1);
    expect(schema(plain, true)).toMatchObject({ additionalProperties: false });
    expect(warnings).toHaveLength(2);
  });
});
