import type { ResourceKind, ResourceMessage } from "../resource.ts";
import { collectionOf, parseResourceName, resourceNameRule } from "../resource.ts";
import { checkCount, checkText } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

const maxLabels = 64;
const maxLabelLength = 63;
const maxAnnotations = 64;
const maxAnnotationLength = 4_096;
const maxDisplayNameLength = 256;

/**
 * Ids that no level of the hierarchy may have: reports and scopes use the word for the whole
 * installation, and `team=all` has to mean only one thing.
 */
const reservedIds: ReadonlySet<string> = new Set(["all"]);
const hierarchy: ReadonlySet<ResourceKind> = new Set(["team", "project", "virtualKey"]);

/** Checks the fields that resources of every kind have. */
export function checkMetadata(
  problems: ProblemList,
  kind: ResourceKind,
  message: ResourceMessage,
): void {
  checkName(problems, kind, message.name);
  const displayName = message.displayName ?? "";
  checkText(problems, "displayName", displayName, { maxLength: maxDisplayNameLength });
  checkLabels(problems, "labels", message.labels);
  const annotations = Object.entries(message.annotations);
  if (!checkCount(problems, "annotations", annotations.length, maxAnnotations)) return;
  for (const [key, value] of annotations) {
    const field = `annotations[${JSON.stringify(key)}]`;
    checkText(problems, field, key, { maxLength: maxAnnotationLength, required: true });
    checkText(problems, field, value, { maxLength: maxAnnotationLength, multiline: true });
  }
}

/** Checks a map of labels, on a resource or in a match. */
export function checkLabels(
  problems: ProblemList,
  field: string,
  labels: Readonly<Record<string, string>>,
): void {
  const entries = Object.entries(labels);
  if (!checkCount(problems, field, entries.length, maxLabels)) return;
  for (const [key, value] of entries) {
    const path = `${field}[${JSON.stringify(key)}]`;
    checkText(problems, path, key, { maxLength: maxLabelLength, required: true });
    checkText(problems, path, value, { maxLength: maxLabelLength });
  }
}

function checkName(problems: ProblemList, kind: ResourceKind, name: string): void {
  if (name === "") {
    problems.required("name");
    return;
  }
  const parsed = parseResourceName(name);
  if (parsed?.kind !== kind) {
    problems.invalid("name", `must be ${resourceNameRule(collectionOf(kind))}`);
    return;
  }
  if (hierarchy.has(kind) && reservedIds.has(parsed.id)) {
    problems.invalid("name", `the id ${parsed.id} is reserved`);
  }
}
