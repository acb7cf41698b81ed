import type { FieldProblems } from "../field-problems.ts";
import { readList, readModelName } from "../field-values.ts";
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
    const model = readModelName(problems, `${field}[${index}]`, member);
    if (model !== undefined) models.push(model);
  }
  routingOf(wishes).models = models;
}
