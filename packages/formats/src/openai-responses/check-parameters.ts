import type { GenerateRequest } from "@penstock/api";
import { FieldProblems } from "../field-problems.ts";
import { formatName } from "./format-part.ts";
import { isOwnParameter } from "./write-request.ts";

/**
 * Checks the `format_parameters["openai-responses"]` of a caller who wrote them directly: throws
 * UNSUPPORTED_FIELD for a name that is refused, or that has its own field in the request.
 */
export function checkResponsesParameters(request: GenerateRequest): void {
  const problems = new FieldProblems();
  for (const name of Object.keys(request.formatParameters[formatName] ?? {})) {
    if (isOwnParameter(name)) continue;
    problems.addUnsupported(
      `format_parameters["${formatName}"].${name}`,
      "is refused here: it is a field of the request itself, or no caller may choose it",
    );
  }
  problems.throwIfAny();
}
