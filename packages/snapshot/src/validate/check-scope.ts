import type { Scope, Selector } from "@penstock/api";
import { EndUserSelector } from "@penstock/api";

import type { ResourceKind } from "../resource.ts";
import { kindOfName } from "../resource.ts";
import { checkEnum, checkText } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

/** Longest name of a model anywhere. Unit: characters. */
export const maxModelLength = 256;
const maxTagLength = 63;

/** Checks that a field holds the name of a resource of one kind. */
export function checkReferenceForm(
  problems: ProblemList,
  field: string,
  name: string,
  kind: ResourceKind,
): void {
  if (kindOfName(name) === kind) return;
  if (name === "") problems.required(field);
  else problems.invalid(field, "must be a resource name of the right collection");
}

/** Checks a scope; an absent one is the whole installation. */
export function checkScope(problems: ProblemList, scope: Scope | undefined): void {
  if (scope === undefined) return;
  const value = scope.scope;
  switch (value.case) {
    case "all":
      if (!value.value) problems.invalid("scope.all", "must be true; or leave the scope out");
      return;
    case "team":
    case "project":
    case "virtualKey":
      checkReferenceForm(problems, `scope.${value.case}`, value.value, value.case);
      return;
    default:
      problems.required("scope");
  }
}

/** Checks the selector of a limit or a budget. */
export function checkSelector(problems: ProblemList, selector: Selector | undefined): void {
  if (selector === undefined) return;
  const { model, provider, deployment, tag } = selector;
  if (model !== undefined && checkModelName(problems, "selector.model", model)) {
    if (model.endsWith("*")) problems.invalid("selector.model", "must be one model, not a pattern");
  }
  if (provider !== undefined) {
    checkReferenceForm(problems, "selector.provider", provider, "provider");
  }
  if (deployment !== undefined) {
    checkReferenceForm(problems, "selector.deployment", deployment, "deployment");
  }
  checkEnum(problems, "selector.endUser", selector.endUser, EndUserSelector);
  if (tag === undefined) return;
  checkText(problems, "selector.tag.key", tag.key, { maxLength: maxTagLength, required: true });
  checkText(problems, "selector.tag.value", tag.value, { maxLength: maxTagLength });
}

/** Checks the selector of a policy, which is asked before a target or an end user is known. */
export function checkPolicySelector(problems: ProblemList, selector: Selector | undefined): void {
  checkSelector(problems, selector);
  if (selector === undefined) return;
  const reason = "is not offered for policies";
  if (selector.provider !== undefined) problems.unsupported("selector.provider", reason);
  if (selector.deployment !== undefined) problems.unsupported("selector.deployment", reason);
  if (selector.endUser === EndUserSelector.EACH) problems.unsupported("selector.endUser", reason);
}

/** Checks a list of patterns: exact models, or ending in `*`; each once. */
export function checkPatterns(
  problems: ProblemList,
  field: string,
  patterns: readonly string[],
): void {
  const seen = new Set<string>();
  for (const [index, pattern] of patterns.entries()) {
    const path = `${field}[${index}]`;
    if (!checkModelName(problems, path, pattern)) continue;
    if (pattern.slice(0, -1).includes("*")) problems.invalid(path, "may have * only at its end");
    if (seen.has(pattern)) problems.invalid(path, "is there twice");
    seen.add(pattern);
  }
}

/** Checks one name of a model. True: it can be used. */
export function checkModelName(problems: ProblemList, field: string, model: string): boolean {
  return checkText(problems, field, model, { maxLength: maxModelLength, required: true });
}
