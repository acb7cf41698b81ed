import type { CompiledDeployment, CompiledHedging, CompiledRoute } from "@penstock/snapshot";
import { ContentTimes } from "./content-times.ts";
import { createHedgeBudget, mayHedge, saveForHedge, spendOnHedge } from "./hedge-budget.ts";
import type { HedgeBudget } from "./hedge-budget.ts";

/** Budgets that are remembered; a forgotten one begins anew. */
const mostBudgets = 10_000;

/** Answers of a deployment are waited for by how they come: whole ones are there later. */
interface TimesOfDeployment {
  readonly stream: ContentTimes;
  readonly whole: ContentTimes;
}

/** What this router knows for second calls: budgets of routes, and when a target is late. */
export class HedgeBook {
  readonly #budgets = new Map<string, HedgeBudget>();
  /** A deployment that is configured anew may be another one, and is forgotten with the old one. */
  readonly #times = new WeakMap<CompiledDeployment, TimesOfDeployment>();

  /** How long the deployment's content is waited for. Unit: milliseconds. `now` is monotonic. */
  delayMs(
    hedging: CompiledHedging,
    deployment: CompiledDeployment,
    stream: boolean,
    now: number,
  ): number {
    const times = this.#times.get(deployment);
    const known = stream ? times?.stream : times?.whole;
    const lateMs = known?.quantile(hedging.quantile, now) ?? Infinity;
    return Math.min(hedging.maxDelayMs, Math.max(hedging.minDelayMs, lateMs));
  }

  /** The deployment's content came after so long, or had not come by then. */
  observe(deployment: CompiledDeployment, stream: boolean, timeMs: number, now: number): void {
    let times = this.#times.get(deployment);
    if (times === undefined) {
      times = { stream: new ContentTimes(), whole: new ContentTimes() };
      this.#times.set(deployment, times);
    }
    (stream ? times.stream : times.whole).add(timeMs, now);
  }

  /** A request of the route was begun that could have a second call. */
  asked({ name, hedging }: CompiledRoute): void {
    if (hedging !== undefined) saveForHedge(this.#budgetOf(name), hedging.maxShare);
  }

  /** Whether the route's requests may have a second call now. */
  hasRoom({ name }: Pick<CompiledRoute, "name">): boolean {
    return mayHedge(this.#budgetOf(name));
  }

  /** A second call of the route is made; false: it may not be. */
  take({ name }: Pick<CompiledRoute, "name">): boolean {
    return spendOnHedge(this.#budgetOf(name));
  }

  #budgetOf(route: string): HedgeBudget {
    const known = this.#budgets.get(route);
    if (known !== undefined) return known;
    if (this.#budgets.size >= mostBudgets) this.#budgets.clear();
    const budget = createHedgeBudget();
    this.#budgets.set(route, budget);
    return budget;
  }
}
