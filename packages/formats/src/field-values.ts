import type { FieldProblems } from "./field-problems.ts";
import { isJsonObject } from "./read-json.ts";

/** What a value may be; numbers are bounds, both included. */
export interface Range {
  min: number;
  max: number;
}

function lengthProblem({ min, max }: Range): string {
  if (max !== Number.MAX_SAFE_INTEGER) return `must have ${min} to ${max} characters`;
  return min === 1 ? "must not be empty" : `must have at least ${min} characters`;
}

/** The value as text within bounds of length; undefined, and a problem noted, when it is not. */
export function readText(
  problems: FieldProblems,
  field: string,
  value: unknown,
  length: Range = anyLength,
): string | undefined {
  if (typeof value !== "string") {
    problems.add(field, `must be text, not ${kindOf(value)}`);
    return undefined;
  }
  if (value.length < length.min || value.length > length.max) {
    problems.add(field, lengthProblem(length));
    return undefined;
  }
  return value;
}

const anyLength: Range = { min: 0, max: Number.MAX_SAFE_INTEGER };

const modelLength: Range = { min: 1, max: 256 };

/** The value as the name of a model: text of at most 256 characters that can be shown. */
export function readModelName(
  problems: FieldProblems,
  field: string,
  value: unknown,
): string | undefined {
  const model = readText(problems, field, value, modelLength);
  if (model === undefined || !hasControl(model)) return model;
  problems.add(field, "must not contain control characters");
  return undefined;
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 32 || (code > 126 && code < 160)) return true;
  }
  return false;
}

/** The value as a number within bounds; negative zero is refused, since it means nothing. */
export function readNumber(
  problems: FieldProblems,
  field: string,
  value: unknown,
  range: Range,
): number | undefined {
  if (typeof value !== "number" || Object.is(value, -0)) {
    problems.add(field, `must be a number, not ${kindOf(value)}`);
    return undefined;
  }
  if (!(value >= range.min && value <= range.max)) {
    problems.add(field, `must be ${range.min} to ${range.max}`);
    return undefined;
  }
  return value;
}

/** The value as an integer within bounds. */
export function readInteger(
  problems: FieldProblems,
  field: string,
  value: unknown,
  range: Range,
): number | undefined {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    problems.add(field, `must be an integer from ${range.min} to ${range.max}`);
    return undefined;
  }
  return readNumber(problems, field, value, range);
}

/** The value as true or false; text such as "yes" is refused. */
export function readBoolean(
  problems: FieldProblems,
  field: string,
  value: unknown,
): boolean | undefined {
  if (typeof value === "boolean") return value;
  problems.add(field, `must be true or false, not ${kindOf(value)}`);
  return undefined;
}

/** The value as an object. */
export function readObject(
  problems: FieldProblems,
  field: string,
  value: unknown,
): Record<string, unknown> | undefined {
  if (isJsonObject(value)) return value;
  problems.add(field, `must be an object, not ${kindOf(value)}`);
  return undefined;
}

/** The value as a list of at most so many members. */
export function readList(
  problems: FieldProblems,
  field: string,
  value: unknown,
  maxCount: number,
): unknown[] | undefined {
  if (!Array.isArray(value)) {
    problems.add(field, `must be a list, not ${kindOf(value)}`);
    return undefined;
  }
  if (value.length > maxCount) {
    problems.add(field, `must have at most ${maxCount} members`);
    return undefined;
  }
  return value;
}

/** The members of an object that are not among `known`; undefined when there are none. */
export function otherFields(
  fields: Record<string, unknown>,
  known: ReadonlySet<string>,
): Record<string, unknown> | undefined {
  let others: Record<string, unknown> | undefined;
  for (const key in fields) {
    if (known.has(key)) continue;
    others ??= {};
    others[key] = fields[key];
  }
  return others;
}

/** What a value of JSON is, for a message: `a list`, `null`, `text`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "a list";
  if (Object.is(value, -0)) return "negative zero";
  switch (typeof value) {
    case "string":
      return "text";
    case "object":
      return "an object";
    case "boolean":
      return "true or false";
    default:
      return "a number";
  }
}
