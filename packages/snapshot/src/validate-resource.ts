import type { Resource } from "@penstock/api";

import { checkBudget } from "./validate/budget.ts";
import { checkMetadata } from "./validate/check-metadata.ts";
import { checkDeployment } from "./validate/deployment.ts";
import type { FieldProblem } from "./validate/field-problem.ts";
import { ProblemList } from "./validate/field-problem.ts";
import { checkLimit } from "./validate/limit.ts";
import { checkPolicy } from "./validate/policy.ts";
import { checkPriceBook } from "./validate/price-book.ts";
import { checkProject } from "./validate/project.ts";
import { checkProvider } from "./validate/provider.ts";
import { checkRoute } from "./validate/route.ts";
import { checkTeam } from "./validate/team.ts";
import { checkVirtualKey } from "./validate/virtual-key.ts";

/**
 * Everything that is wrong with a resource taken by itself; empty when it is good. Total: of a
 * message that is no message it says so. What needs other resources is `checkReferences`.
 */
export function validateResource(resource: Resource): FieldProblem[] {
  const list = new ProblemList();
  try {
    checkByKind(list, resource);
  } catch {
    list.invalid("", "cannot be read as a resource");
  }
  return list.problems;
}

function checkByKind(list: ProblemList, { resource }: Resource): void {
  if (resource.case === undefined) {
    list.unsupported("", "is of a kind that this version does not know");
    return;
  }
  checkMetadata(list, resource.case, resource.value);
  switch (resource.case) {
    case "team":
      return checkTeam(list, resource.value);
    case "project":
      return checkProject(list, resource.value);
    case "virtualKey":
      return checkVirtualKey(list, resource.value);
    case "provider":
      return checkProvider(list, resource.value);
    case "deployment":
      return checkDeployment(list, resource.value);
    case "route":
      return checkRoute(list, resource.value);
    case "policy":
      return checkPolicy(list, resource.value);
    case "limit":
      return checkLimit(list, resource.value);
    case "budget":
      return checkBudget(list, resource.value);
    case "priceBook":
      return checkPriceBook(list, resource.value);
  }
}
