import type { FieldProblems } from "../field-problems.ts";
import { readList, readText } from "../field-values.ts";
import { routingOf } from "./wishes.ts";
import type { Wishes } from "./wishes.ts";

/** Most models of one request. */
const maxModels = 8;

/** Reads a list of models to fall back to, in order. */
export function readModels(
  problems: FieldProblems,
  wishes: Wishes,
  field: string,
  value: unknown,
): void {
  const models: string[] = [];
  for (const [index, member] of (readList(problems, field, value, maxModels) ?? []).entries()) {
    const model = readText(problems, `${field}[${index}]`, member, { min: 1, max: 256 });
    if (model === undefined) continue;
    if (/\p{Cc}/u.test(model)) {
      problems.add(`${field}[${index}]`, "must not contain control characters");
    } else models.push(model);
  }
  routingOf(wishes).models = models;
}
