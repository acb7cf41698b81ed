import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ScalarType, toJson } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { formatMoney } from "@penstock/pricing";
import { Document } from "yaml";
import { decimalMoneyName, plainName } from "./field-names.ts";
import { isOutputOnly, kindOfValue } from "./resource-kinds.ts";

/**
 * Writes resources in the form that `readManifest` reads: money in US dollars, short enum names,
 * without what only the server sets, but with the etag.
 */
export function writeManifest(resources: readonly Resource[]): string {
  return resources.map(writeResource).join("---\n");
}

function writeResource({ resource }: Resource): string {
  const { value } = resource;
  if (value === undefined) return "";
  const kind = kindOfValue(value);
  const json = toJson(kind.schema, value) as JsonObject;
  const kept = Object.entries(json).filter(([name]) => !isOutputOnly(kind, name));
  const fields = writeFields(Object.fromEntries(kept), kind.schema);
  const document = new Document({ kind: kind.kind, ...fields }, { intAsBigInt: true });
  const { updateTime, revision } = json;
  if (typeof updateTime === "string" && typeof revision === "string") {
    document.commentBefore = ` revision ${revision}, changed ${updateTime}`;
  }
  return document.toString({ lineWidth: 0 });
}

type YamlValue = string | number | bigint | boolean | null | YamlValue[] | YamlFields;
interface YamlFields {
  [name: string]: YamlValue;
}

function writeFields(json: JsonObject, schema: DescMessage): YamlFields {
  const result: YamlFields = {};
  for (const field of schema.fields) {
    const value = json[field.jsonName];
    if (value === undefined) continue;
    const decimalName = decimalMoneyName(field.jsonName);
    if (decimalName === undefined || isNegative(value)) {
      result[plainName(schema, field)] = writeValue(value, field);
    } else {
      result[decimalName] = formatMoney(BigInt(String(value)));
    }
  }
  return result;
}

/** Decimal amounts have no sign; a negative one, refused elsewhere, is shown as it is. */
function isNegative(value: JsonValue): boolean {
  return String(value).startsWith("-");
}

function writeValue(value: JsonValue, field: DescField): YamlValue {
  if (field.fieldKind === "list" && Array.isArray(value)) {
    return value.map((item) => writeSingle(item, field));
  }
  if (field.fieldKind === "map") return value as YamlFields;
  return writeSingle(value, field);
}

function writeSingle(value: JsonValue, field: DescField): YamlValue {
  const { message, enum: descriptor, scalar } = field;
  if (message !== undefined && typeof value === "object") {
    return writeFields(value as JsonObject, message);
  }
  if (descriptor !== undefined && typeof value === "string") {
    return value.slice((descriptor.sharedPrefix ?? "").length);
  }
  if (scalar === ScalarType.INT64) return BigInt(String(value));
  return value as YamlValue;
}
