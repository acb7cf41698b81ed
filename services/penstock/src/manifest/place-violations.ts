import type { FieldViolation } from "@penstock/errors";
import type { ManifestProblem } from "./manifest-problem.ts";
import type { ManifestResource } from "./read-manifest.ts";

/** What the service found, told in terms of the files; what is about no resource is the rest. */
export interface PlacedViolations {
  readonly problems: readonly ManifestProblem[];
  readonly rest: readonly FieldViolation[];
}

/**
 * Turns violations `resources[i].path` of ApplyResources into problems with file and line. A field
 * that is missing because what stands in it could not be read (`told`) is wrong only once.
 */
export function placeViolations(
  violations: readonly FieldViolation[],
  resources: readonly ManifestResource[],
  told: readonly ManifestProblem[] = [],
): PlacedViolations {
  const problems: ManifestProblem[] = [];
  const rest: FieldViolation[] = [];
  for (const violation of violations) {
    const form = /^resources\[([0-9]{1,9})\](?:\.(.*))?$/s.exec(violation.field);
    const resource = form === null ? undefined : resources[Number(form[1])];
    if (resource === undefined) {
      rest.push(violation);
      continue;
    }
    const place = resource.places.find(withoutKind(form?.[2] ?? ""));
    const { file, document, name } = resource;
    const { description } = violation;
    const { line, writtenPath: path } = place;
    const problem = { file, document, line, name, path, description };
    if (violation.reason === "REQUIRED" && told.some((one) => isWithin(one, problem))) continue;
    problems.push(problem);
  }
  return { problems, rest };
}

/** Whether the one is about something inside the field of the other. */
function isWithin(one: ManifestProblem, { file, document, path }: ManifestProblem): boolean {
  if (one.file !== file || one.document !== document || !one.path.startsWith(path)) return false;
  return ".[".includes(one.path.charAt(path.length) || "-");
}

const kindPrefix =
  /^(?:team|project|virtual_?key|provider|deployment|route|policy|limit|budget|price_?book)\./i;

/**
 * Inside a Resource the path may name the kind (`resources[0].route.targets`); manifests have
 * no such level. No kind has a field of its own name followed by another field.
 */
function withoutKind(path: string): string {
  return path.replace(kindPrefix, "");
}
