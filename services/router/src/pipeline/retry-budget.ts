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
 * Keeps retries on one target from multiplying an outage: at most 20 % of its attempts of the last
 * 10 s, plus 3. Falling back to another target is not counted; that target has its own budget.
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

/** Deployments that are remembered; a forgotten one begins with a full budget. */
const maximumDeployments = 10_000;

/** The retry budget of each deployment. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();

  /** The budget of one deployment. */
  of(deployment: string): RetryBudget {
    const known = this.#budgets.get(deployment);
    if (known !== undefined) return known;
    if (this.#budgets.size >= maximumDeployments) this.#budgets.clear();
    const budget = new RetryBudget();
    this.#budgets.set(deployment, budget);
    return budget;
  }
}
