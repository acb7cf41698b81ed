import type { ProblemList } from "./field-problem.ts";

// Control characters break log lines, headers and terminals.
// oxlint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u001f\u007f]/;

/** Bounds of a text. */
export interface TextBounds {
  /** Unit: UTF-16 units. */
  readonly maxLength: number;
  readonly required?: boolean;
  /** Whether line breaks and other control characters may occur. */
  readonly multiline?: boolean;
}

/** Checks length, presence and characters of a text. True: it can be used. */
export function checkText(
  problems: ProblemList,
  field: string,
  text: string,
  bounds: TextBounds,
): boolean {
  if (text === "") {
    if (bounds.required === true) problems.required(field);
    return bounds.required !== true;
  }
  if (text.length > bounds.maxLength) {
    problems.invalid(field, `must have at most ${bounds.maxLength} characters`);
    return false;
  }
  if (!text.isWellFormed()) {
    problems.invalid(field, "must be well-formed Unicode");
    return false;
  }
  if (bounds.multiline !== true && controlCharacter.test(text)) {
    problems.invalid(field, "must not contain control characters");
    return false;
  }
  return true;
}

/** Checks that a list has at most so many items. True: it can be gone through. */
export function checkCount(
  problems: ProblemList,
  field: string,
  count: number,
  maxCount: number,
): boolean {
  if (count <= maxCount) return true;
  problems.invalid(field, `must have at most ${maxCount} items`);
  return false;
}

/** Checks an optional whole number. */
export function checkRange(
  problems: ProblemList,
  field: string,
  value: number | undefined,
  [lowest, highest]: readonly [number, number],
): void {
  if (value === undefined) return;
  if (Number.isInteger(value) && value >= lowest && value <= highest) return;
  problems.invalid(field, `must be from ${lowest} to ${highest}`);
}

/** Checks an enum: one of the listed numbers. */
export function checkEnum(
  problems: ProblemList,
  field: string,
  value: number,
  known: Readonly<Record<string, unknown>>,
): boolean {
  if (Object.values(known).includes(value)) return true;
  problems.invalid(field, `value ${value} is not known to this version`);
  return false;
}
