import type { ResponseFormat } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readBoolean, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";

/** Reads the form of the answer: text, any JSON object, or JSON that follows a schema. */
export function readResponseFormat(
  problems: FieldProblems,
  value: unknown,
): ResponseFormat | undefined {
  const fields = readObject(problems, "response_format", value);
  const format = fields && readFormat(fields, problems);
  return format && { $typeName: "penstock.inference.v1.ResponseFormat", format };
}

function readFormat(
  fields: Record<string, unknown>,
  problems: FieldProblems,
): ResponseFormat["format"] | undefined {
  switch (fields["type"]) {
    case "text":
      return { case: "text", value: true };
    case "json_object":
      return { case: "jsonObject", value: true };
    case "json_schema":
      return readJsonSchema(fields["json_schema"], problems);
    default:
      problems.add("response_format.type", "must be text, json_object or json_schema");
      return undefined;
  }
}

function readJsonSchema(
  value: unknown,
  problems: FieldProblems,
): ResponseFormat["format"] | undefined {
  const path = "response_format.json_schema";
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  const { description, schema, strict } = fields;
  return {
    case: "jsonSchema",
    value: {
      $typeName: "penstock.inference.v1.JsonSchemaFormat",
      name: readText(problems, `${path}.name`, fields["name"], { min: 1, max: 64 }) ?? "",
      description:
        description == null ? undefined : readText(problems, `${path}.description`, description),
      schema:
        schema == null
          ? undefined
          : (readObject(problems, `${path}.schema`, schema) as JsonObject | undefined),
      strict: strict == null ? undefined : readBoolean(problems, `${path}.strict`, strict),
    },
  };
}
