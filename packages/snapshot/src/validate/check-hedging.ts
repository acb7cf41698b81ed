import type { Hedging, Route } from "@penstock/api";

import { readHedging } from "../read-hedging.ts";
import { checkRange } from "./check-text.ts";
import { checkDuration } from "./check-timeouts.ts";
import type { ProblemList } from "./field-problem.ts";

// reliability §2.4: a route may be more careful than these, not less.
const leastDelayMs = 300;
const mostShare = 0.02;
const longestDelayMs = 600_000;

/** Checks when a second target is asked, and that there can be one. */
export function checkHedging(problems: ProblemList, route: Route): void {
  const { hedging } = route;
  if (hedging === undefined) return;
  const bounds = [leastDelayMs, longestDelayMs] as const;
  checkDuration(problems, "hedging.minDelay", hedging.minDelay, bounds);
  checkDuration(problems, "hedging.maxDelay", hedging.maxDelay, bounds);
  checkOrder(problems, hedging);
  checkRange(problems, "hedging.percentile", hedging.percentile, [50, 99]);
  checkShare(problems, hedging.maxShare);
  if (route.targets.length === 1) {
    problems.conflict("hedging", "needs a second target: it is what is asked when one is slow");
  }
  if (route.maxAttempts === 1) {
    problems.conflict("hedging", "needs maxAttempts of 2 or more: the second call is one of them");
  }
}

function checkOrder(problems: ProblemList, hedging: Hedging): void {
  if (hedging.maxDelay === undefined) return;
  const { minDelayMs, maxDelayMs } = readHedging(hedging);
  if (maxDelayMs < minDelayMs) problems.conflict("hedging.maxDelay", "is less than minDelay");
}

function checkShare(problems: ProblemList, share: number | undefined): void {
  if (share === undefined || (share > 0 && share <= mostShare)) return;
  problems.invalid("hedging.maxShare", `must be above 0 and at most ${mostShare}`);
}
