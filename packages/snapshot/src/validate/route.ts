import type { Route } from "@penstock/api";

import { compileCondition } from "../condition.ts";
import { checkHedging } from "./check-hedging.ts";
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
  checkStrategy(problems, route.strategy);
  checkTargets(problems, route);
  checkTimeouts(problems, route.timeouts);
  checkRange(problems, "maxAttempts", route.maxAttempts, [1, maxAttempts]);
  checkHedging(problems, route);
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
  checkCondition(problems, "match.condition", match.condition);
}

function checkCondition(problems: ProblemList, field: string, text: string): void {
  if (text === "") return;
  const compiled = compileCondition(text);
  if (!compiled.ok) problems.invalid(field, compiled.description);
}

function checkStrategy(problems: ProblemList, strategy: Route["strategy"]): void {
  if (strategy === undefined) return;
  const { case: name, value } = strategy.strategy;
  if (name === undefined) problems.required("strategy");
  if (name !== "leastLatency" || value.exploration === undefined) return;
  if (value.exploration >= 0 && value.exploration <= 1) return;
  problems.invalid("strategy.leastLatency.exploration", "must be from 0 to 1");
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
    checkCondition(problems, `${field}.condition`, target.condition);
  }
  const weighted = route.strategy?.strategy.case === "weighted";
  if (weighted && targets.every((target) => target.weight === 0)) {
    problems.invalid("targets", "must not all have weight 0");
  }
}
