import type { FieldProblems } from "../field-problems.ts";
import { readList } from "../field-values.ts";

/** Most providers in one list. */
const maxProviders = 64;

/**
 * Reads a list of providers: resource names such as `providers/openai`, or the short names people
 * write, such as `openai`. Whether there is such a provider is known only where the request runs.
 */
export function readProviders(problems: FieldProblems, path: string, value: unknown): string[] {
  const list = readList(problems, path, value, maxProviders) ?? [];
  const providers: string[] = [];
  for (const [index, member] of list.entries()) {
    if (typeof member === "string" && /^[a-zA-Z0-9][-a-zA-Z0-9._/]{0,127}$/.test(member)) {
      providers.push(member);
    } else {
      problems.add(`${path}[${index}]`, "must be a name such as openai or providers/openai");
    }
  }
  return providers;
}
