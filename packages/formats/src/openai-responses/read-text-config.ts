import type { ResponseFormat } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readBoolean, readObject, readText } from "../field-values.ts";
import type { JsonObject } from "../format.ts";

/** The form of the answer, and what else the field `text` has. */
export interface TextConfig {
  format: ResponseFormat | undefined;
  others: Record<string, unknown> | undefined;
}

const path = "text.format";

/** Reads the field `text`. */
export function readTextConfig(problems: FieldProblems, value: unknown): TextConfig {
  const fields = readObject(problems, "text", value);
  if (fields === undefined) return { format: undefined, others: undefined };
  const given = fields["format"];
  return {
    format: given == null ? undefined : readFormat(problems, given),
    others: otherFields(fields, new Set(["format"])),
  };
}

function readFormat(problems: FieldProblems, value: unknown): ResponseFormat | undefined {
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  switch (fields["type"]) {
    case "text":
      return newFormat({ case: "text", value: true });
    case "json_object":
      return newFormat({ case: "jsonObject", value: true });
    case "json_schema":
      return readSchema(problems, fields);
    default:
      problems.add(`${path}.type`, "must be text, json_object or json_schema");
      return undefined;
  }
}

function readSchema(
  problems: FieldProblems,
  fields: Record<string, unknown>,
): ResponseFormat | undefined {
  const { description, strict } = fields;
  const name = readText(problems, `${path}.name`, fields["name"], { min: 1, max: 64 });
  const schema = readObject(problems, `${path}.schema`, fields["schema"]);
  if (name === undefined || schema === undefined) return undefined;
  return newFormat({
    case: "jsonSchema",
    value: {
      $typeName: "penstock.inference.v1.JsonSchemaFormat",
      name,
      schema: schema as JsonObject,
      description:
        description == null
          ? undefined
          : readText(problems, `${path}.description`, description, { min: 0, max: 65_536 }),
      strict: strict == null ? undefined : readBoolean(problems, `${path}.strict`, strict),
    },
  });
}

function newFormat(format: ResponseFormat["format"]): ResponseFormat {
  return { $typeName: "penstock.inference.v1.ResponseFormat", format };
}
