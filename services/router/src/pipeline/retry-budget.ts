import { SpendBudget } from "./spend-budget.ts";

/** Length of the window and of its ten slots. */
const windowMs = 10_000;
const slotMs = 1_000;
/** Retries that are always allowed in a window, so that a quiet target may be retried at all. */
const freeRetries = 3;
/** Share of a window's attempts that may be retries on top (Finagle's and Envoy's 20 %). */
const retryShare = 0.2;

interface Slot {
  readonly index: number;
  attempts: number;
  retries: number;
}

/**
 * Keeps repeated calls from multiplying an outage: of a target, or of a vendor over its other
 * targets, at most 20 % of the first ones of the last 10 s, plus 3. Falling back to another vendor
 * is not counted; that has its own budget.
 */
export class RetryBudget {
  readonly #slots: Slot[] = [];

  /** Counts an attempt that is not a retry. */
  attempt(nowMs: number): void {
    this.#slot(nowMs).attempts += 1;
  }

  /** Whether a retry may be made now. */
  hasRoom(nowMs: number): boolean {
    this.#slot(nowMs);
    let attempts = 0;
    let retries = 0;
    for (const slot of this.#slots) {
      attempts += slot.attempts;
      retries += slot.retries;
    }
    return retries + 1 <= freeRetries + attempts * retryShare;
  }

  /** Counts a retry. */
  retry(nowMs: number): void {
    this.#slot(nowMs).retries += 1;
  }

  #slot(nowMs: number): Slot {
    const index = Math.floor(nowMs / slotMs);
    while (this.#slots.length > 0 && index - (this.#slots[0]?.index ?? 0) >= windowMs / slotMs) {
      this.#slots.shift();
    }
    const last = this.#slots.at(-1);
    if (last !== undefined && last.index === index) return last;
    const slot = { index, attempts: 0, retries: 0 };
    this.#slots.push(slot);
    return slot;
  }
}

/** Budgets of each sort that are remembered; a forgotten one begins anew. */
const maximumBudgets = 10_000;

/** The budgets of targets and vendors, and the one of the money that failed attempts cost. */
export class RetryBudgets {
  readonly spend = new SpendBudget();
  readonly #ofTargets = new Map<string, RetryBudget>();
  readonly #ofVendors = new Map<string, RetryBudget>();

  /** Of retries on one target, by the deployment's name. */
  ofTarget(deployment: string): RetryBudget {
    return budgetIn(this.#ofTargets, deployment);
  }

  /** Of falling back from one target of a vendor to another one of it. */
  ofVendor(vendor: string): RetryBudget {
    return budgetIn(this.#ofVendors, vendor);
  }
}

function budgetIn(budgets: Map<string, RetryBudget>, name: string): RetryBudget {
  const known = budgets.get(name);
  if (known !== undefined) return known;
  if (budgets.size >= maximumBudgets) budgets.clear();
  const budget = new RetryBudget();
  budgets.set(name, budget);
  return budget;
}
