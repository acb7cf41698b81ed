import type { Route } from "@penstock/api";

import { checkLabels } from "./check-metadata.ts";
import { checkPatterns, checkReferenceForm, checkScope } from "./check-scope.ts";
import { checkCount, checkRange } from "./check-text.ts";
import { checkTimeouts } from "./check-timeouts.ts";
import type { ProblemList } from "./field-problem.ts";

const maxModels = 1_000;
const maxTargets = 64;
const maxWeight = 1_000_000;
const maxAttempts = 5;

/** Checks what only routes have. */
export function checkRoute(problems: ProblemList, route: Route): void {
  checkScope(problems, route.scope);
  checkMatch(problems, route.match);
  if (route.strategy !== undefined && route.strategy.strategy.case === undefined) {
    problems.required("strategy");
  }
  checkTargets(problems, route);
  checkTimeouts(problems, route.timeouts);
  checkRange(problems, "maxAttempts", route.maxAttempts, [1, maxAttempts]);
}

function checkMatch(problems: ProblemList, match: Route["match"]): void {
  if (match === undefined || match.models.length === 0) {
    problems.required("match.models");
    return;
  }
  if (checkCount(problems, "match.models", match.models.length, maxModels)) {
    checkPatterns(problems, "match.models", match.models);
  }
  checkLabels(problems, "match.labels", match.labels);
}

function checkTargets(problems: ProblemList, route: Route): void {
  const { targets } = route;
  if (targets.length === 0) {
    problems.required("targets");
    return;
  }
  if (!checkCount(problems, "targets", targets.length, maxTargets)) return;
  const seen = new Set<string>();
  for (const [index, target] of targets.entries()) {
    const field = `targets[${index}]`;
    checkReferenceForm(problems, `${field}.deployment`, target.deployment, "deployment");
    if (seen.has(target.deployment)) problems.invalid(`${field}.deployment`, "is there twice");
    seen.add(target.deployment);
    checkRange(problems, `${field}.weight`, target.weight, [0, maxWeight]);
  }
  const weighted = route.strategy?.strategy.case === "weighted";
  if (weighted && targets.every((target) => target.weight === 0)) {
    problems.invalid("targets", "must not all have weight 0");
  }
}
