/*
 * A bucket of tokens that requests fill and second calls empty. No time is in it: a quiet hour saves
 * nothing, and a busy second can't spend more than was asked.
 */

/** One call, in the millionths that budgets are kept in, so that no rounding adds one. */
const oneCall = 1_000_000;
/** Calls that may be saved for a bad moment. */
const mostSaved = 10 * oneCall;

/** State of one budget; changed in place by the functions of this file only. */
export interface HedgeBudget {
  /** Unit: millionths of a call. */
  saved: number;
}

/** A budget that has seen nothing: one call is free, so that a quiet route can be helped at all. */
export function createHedgeBudget(): HedgeBudget {
  return { saved: oneCall };
}

/** A request was made that could have a second call; `maxShare` is above 0 and below 1. */
export function saveForHedge(budget: HedgeBudget, maxShare: number): void {
  budget.saved = Math.min(mostSaved, budget.saved + Math.floor(maxShare * oneCall));
}

/** Whether a second call may be made now. */
export function mayHedge({ saved }: HedgeBudget): boolean {
  return saved >= oneCall;
}

/** A second call is made; false, and nothing changes, when it may not be. */
export function spendOnHedge(budget: HedgeBudget): boolean {
  if (!mayHedge(budget)) return false;
  budget.saved -= oneCall;
  return true;
}
