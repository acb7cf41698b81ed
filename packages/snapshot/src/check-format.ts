import type { Resource } from "@penstock/api";
import { findProvider } from "@penstock/providers";

import { messageOf } from "./resource.ts";
import type { FieldProblem } from "./validate/field-problem.ts";

/**
 * A problem when a deployment chooses a format in which the kind of its provider can't be called.
 * `find` gives resources by name; a provider that is not there is the business of
 * `checkReferences`. Total.
 */
export function checkFormat(
  resource: Resource,
  find: (name: string) => Resource | undefined,
): FieldProblem[] {
  const deployment = messageOf(resource, "deployment");
  if (deployment?.format === undefined) return [];
  const found = find(deployment.provider);
  const kind = findProvider((found && messageOf(found, "provider")?.kind) ?? "");
  if (kind === undefined) return [];
  const offered = kind.operations.generate.map(({ format }) => format);
  if (offered.some((format) => format === deployment.format)) return [];
  const description = `must be one that the kind ${kind.kind} offers: ${offered.join(", ")}`;
  return [{ field: "format", description, reason: "INVALID" }];
}
