import type { Budget } from "@penstock/api";
import { BudgetPeriod, Durability, UnavailableMode } from "@penstock/api";
import { isTimeZone } from "@penstock/limits";
import { maximumNanoUsd } from "@penstock/pricing";

import { checkScope, checkSelector } from "./check-scope.ts";
import { checkEnum } from "./check-text.ts";
import type { ProblemList } from "./field-problem.ts";

/** Checks what only budgets have. */
export function checkBudget(problems: ProblemList, budget: Budget): void {
  checkScope(problems, budget.scope);
  checkSelector(problems, budget.selector);
  if (budget.amountNanoUsd < 0n || budget.amountNanoUsd > maximumNanoUsd) {
    problems.invalid("amountNanoUsd", `must be from 0 to ${maximumNanoUsd}`);
  }
  if (budget.period === BudgetPeriod.UNSPECIFIED) problems.required("period");
  else checkEnum(problems, "period", budget.period, BudgetPeriod);
  if (budget.timeZone !== "" && !isTimeZone(budget.timeZone)) {
    problems.invalid("timeZone", "must be a name of the IANA time zone database");
  }
  checkEnum(problems, "onUnavailable", budget.onUnavailable, UnavailableMode);
  if (budget.onUnavailable === UnavailableMode.ALLOW) {
    problems.invalid("onUnavailable", "ALLOW is not possible for budgets: money must be bounded");
  }
  checkEnum(problems, "durability", budget.durability, Durability);
}
