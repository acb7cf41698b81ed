import type { Limit } from "@penstock/api";
import { Durability, UnavailableMode } from "@penstock/api";
import { maximumLeaseAmount } from "@penstock/limits";

import { checkScope, checkSelector } from "./check-scope.ts";
import { checkEnum } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

/** Checks what only limits have. */
export function checkLimit(problems: ProblemList, limit: Limit): void {
  checkScope(problems, limit.scope);
  checkSelector(problems, limit.selector);
  const { amount } = limit;
  if (amount.case === undefined) {
    problems.required("requestsPerMinute");
  } else if (amount.value < 0n || amount.value > maximumLeaseAmount) {
    problems.invalid(amount.case, `must be from 0 to ${maximumLeaseAmount}`);
  }
  checkEnum(problems, "onUnavailable", limit.onUnavailable, UnavailableMode);
  checkEnum(problems, "durability", limit.durability, Durability);
}
