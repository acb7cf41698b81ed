import type { Policy } from "@penstock/api";
import { RoutingWishesMode, UnknownFieldsMode } from "@penstock/api";

import {
  checkPatterns,
  checkPolicySelector,
  checkReferenceForm,
  checkScope,
} from "./check-scope.ts";
import { checkCount, checkEnum } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

const maxPatterns = 1_000;
const maxProviders = 64;

/** Checks what only policies have. */
export function checkPolicy(problems: ProblemList, policy: Policy): void {
  checkScope(problems, policy.scope);
  checkPolicySelector(problems, policy.selector);
  const { allowModels, denyModels } = policy;
  if (checkCount(problems, "allowModels", allowModels.length, maxPatterns)) {
    checkPatterns(problems, "allowModels", allowModels);
  }
  if (checkCount(problems, "denyModels", denyModels.length, maxPatterns)) {
    checkPatterns(problems, "denyModels", denyModels);
  }
  checkEnum(problems, "unknownFields", policy.unknownFields, UnknownFieldsMode);
  checkEnum(problems, "routingWishes", policy.routingWishes, RoutingWishesMode);
  const { denyProviders } = policy;
  if (!checkCount(problems, "denyProviders", denyProviders.length, maxProviders)) return;
  for (const [index, provider] of denyProviders.entries()) {
    checkReferenceForm(problems, `denyProviders[${index}]`, provider, "provider");
  }
}
