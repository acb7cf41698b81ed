import type { DescField, DescMessage } from "@bufbuild/protobuf";

/** A field as a manifest may write it. */
export interface NamedField {
  readonly field: DescField;
  /** True for `amountUsd`, decimal US dollars in place of `amountNanoUsd`. */
  readonly isDecimalMoney: boolean;
}

/** `amountNanoUsd` → `amountUsd`; undefined for fields that are not money. */
export function decimalMoneyName(jsonName: string): string | undefined {
  if (jsonName.includes("NanoUsd")) return jsonName.replace("NanoUsd", "Usd");
  return undefined;
}

/**
 * The name in proto JSON, except that the first line of a manifest has taken `kind`: a field of
 * that name carries the name of its message, as in `providerKind: openai`.
 */
export function plainName(schema: DescMessage, field: DescField): string {
  if (field.jsonName !== "kind") return field.jsonName;
  return `${schema.name.charAt(0).toLowerCase()}${schema.name.slice(1)}Kind`;
}

/** Finds the field that a manifest calls so. */
export function findField(schema: DescMessage, written: string): NamedField | undefined {
  for (const field of schema.fields) {
    if (plainName(schema, field) === written) return { field, isDecimalMoney: false };
    if (decimalMoneyName(field.jsonName) === written) return { field, isDecimalMoney: true };
  }
  return undefined;
}

/** The field of which a name that is not there is another spelling, if any. */
export function findNearField(schema: DescMessage, written: string): DescField | undefined {
  return schema.fields.find((field) => isNear(shownName(schema, field), written));
}

/** Most names that one message lists. */
const mostNames = 24;

/** What to say of a field that is not there: another spelling of a known one, or all there are. */
export function describeUnknownField(
  schema: DescMessage,
  near: DescField | undefined,
  isSettable: (field: DescField) => boolean,
): string {
  const said = `is not a field of ${schema.name}`;
  if (near !== undefined) return `${said}; did you mean ${shownName(schema, near)}?`;
  const names = schema.fields.filter(isSettable).map((field) => shownName(schema, field));
  if (names.length === 0) return `${said}, which has none`;
  const more = names.length > mostNames ? ", …" : "";
  return `${said}; its fields are ${names.slice(0, mostNames).join(", ")}${more}`;
}

function shownName(schema: DescMessage, field: DescField): string {
  return decimalMoneyName(field.jsonName) ?? plainName(schema, field);
}

function isNear(name: string, written: string): boolean {
  const left = plain(name);
  const right = plain(written);
  return left === right || (Math.min(left.length, right.length) > 3 && isOneEditAway(left, right));
}

function plain(name: string): string {
  return name.replaceAll(/[-_\s]/g, "").toLowerCase();
}

/** True when one inserted, missing, different or swapped character turns one into the other. */
function isOneEditAway(left: string, right: string): boolean {
  if (Math.abs(left.length - right.length) > 1) return false;
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  const rests = [
    [left.slice(start + 1), right.slice(start)],
    [left.slice(start), right.slice(start + 1)],
    [left.slice(start + 1), right.slice(start + 1)],
    [left.slice(start + 2), right.slice(start + 2)],
  ];
  const isSwapped = left[start] === right[start + 1] && left[start + 1] === right[start];
  return rests.some(([a, b], index) => a === b && (index < 3 || isSwapped));
}
