import { RoutingSort } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import type { CompiledRoute, CompiledTarget } from "@penstock/snapshot";
import { exclusionOf } from "../choosing/exclude-target.ts";
import type { ExclusionInput } from "../choosing/exclude-target.ts";
import { orderTargets } from "../choosing/order-targets.ts";
import type { OrderFacts, TargetOrder } from "../choosing/order-targets.ts";
import { readmit } from "./panic-rule.ts";

/** Whether a target may be used now, and if not, why and until when (monotonic). */
export type TargetAdmission =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** The rule by its constant name, such as `breaker_open`. */
      readonly rule: string;
      readonly reason: string;
      readonly untilMs: number | undefined;
      /** True when only its own failures stand against it, so that it may be tried in need. */
      readonly inNeed?: boolean;
    };

/** What the planner looks at; all of it known before anything is sent. */
export interface PlanInput extends ExclusionInput {
  readonly route: CompiledRoute;
  /** Routes of the models that the request falls back to, each with its model. */
  readonly fallbacks: readonly RoutedModel[];
  readonly request: GenerateRequest;
  /** Health and credential of a target, by the target and the model it would answer for. */
  admission(target: CompiledTarget, model: string): TargetAdmission;
  /** Whether one whose breaker is open may be asked where all fail. */
  mayTryOpen(target: CompiledTarget): boolean;
  /** What orders rest on; not asked where a route of one target has nothing to order. */
  facts(): OrderFacts;
  /** Deployment that served the session last and may have its prompt cache; undefined: none. */
  readonly warm: string | undefined;
  /** Provider that signed the reasoning which the request sends back; undefined: not known. */
  readonly issuer: string | undefined;
}

/** A model with the route that serves it. */
export interface RoutedModel {
  readonly model: string;
  readonly route: CompiledRoute;
}

/** A target that is not planned, and why. */
export interface SkippedTarget {
  readonly target: CompiledTarget;
  /** Such as `routing.only_providers`, `capability.tools`, `policies/eu`, `cooldown`. */
  readonly rule: string;
  readonly reason: string;
  /** The same for administrators; absent: there is no more to say. */
  readonly detail?: string;
  /** True when only its own failures stand against it. */
  readonly inNeed: boolean;
  /** True when the request itself would have to be another. */
  readonly forGood: boolean;
  /** When it may be planned again. Monotonic milliseconds; undefined: not by waiting. */
  readonly untilMs: number | undefined;
}

/** The ordered candidates, fixed before anything is sent. */
export interface AttemptPlan {
  readonly targets: readonly CompiledTarget[];
  readonly skipped: readonly SkippedTarget[];
  readonly maxAttempts: number;
  /** The model under which a target was planned, where that is not the one first asked for. */
  readonly models: ReadonlyMap<CompiledTarget, string> | undefined;
}

/**
 * Routes × wishes × policies × capabilities × health → the targets in the order they are tried, all
 * of one model before those of the next.
 */
export function planAttempts(input: PlanInput): AttemptPlan {
  const { route, fallbacks, request } = input;
  const plan: PlanDraft = { targets: [], skipped: [], maxAttempts: 0, models: undefined };
  planRoute(input, { model: request.model, route }, plan);
  if (fallbacks.length > 0) plan.models = planFallbacks(input, plan);
  const { targets, skipped } = plan;
  if (skipped.length > 0) readmit(targets, skipped, (target) => input.mayTryOpen(target));
  const wishes = request.routing;
  if (wishes?.allowFallbacks === false) targets.splice(1);
  let most = route.maxAttempts;
  for (const one of fallbacks) most = Math.max(most, one.route.maxAttempts);
  plan.maxAttempts = Math.min(wishes?.maxAttempts ?? most, most);
  return plan;
}

interface PlanDraft {
  targets: CompiledTarget[];
  readonly skipped: SkippedTarget[];
  maxAttempts: number;
  models: AttemptPlan["models"];
}

function planRoute(input: PlanInput, { model, route }: RoutedModel, plan: PlanDraft): void {
  for (const target of order(input, route)) {
    const unfit = exclusionOf(input, target, model);
    if (unfit !== undefined) {
      plan.skipped.push({ target, ...unfit, inNeed: false, forGood: true, untilMs: undefined });
      continue;
    }
    const admission = input.admission(target, model);
    if (admission.ok) add(plan, target);
    else {
      const { rule, reason, untilMs, inNeed = false } = admission;
      plan.skipped.push({ target, rule, reason, inNeed, forGood: false, untilMs });
    }
  }
}

/** A list that is made with its only element has room for it, one that grows for 17 at once. */
function add(plan: PlanDraft, target: CompiledTarget): void {
  if (plan.targets.length === 0) plan.targets = [target];
  else plan.targets.push(target);
}

/** What a route shares with those before it is not tried again. */
function planFallbacks(input: PlanInput, plan: PlanDraft): ReadonlyMap<CompiledTarget, string> {
  const models = new Map<CompiledTarget, string>();
  const seen = new Set(input.route.targets.map(({ deployment }) => deployment.name));
  for (const { model, route } of input.fallbacks) {
    const targets = route.targets.filter(({ deployment }) => !seen.has(deployment.name));
    if (targets.length === 0) continue;
    planRoute(input, { model, route: { ...route, targets } }, plan);
    for (const target of targets) {
      models.set(target, model);
      seen.add(target.deployment.name);
    }
  }
  return models;
}

const wishedOrders: Readonly<Partial<Record<RoutingSort, TargetOrder["by"]>>> = {
  [RoutingSort.PRICE]: "lowest_cost",
  [RoutingSort.LATENCY]: "least_latency",
  [RoutingSort.THROUGHPUT]: "throughput",
};

/** The caller's order where it gave one, else the route's; then what was served before. */
function order(input: PlanInput, route: CompiledRoute): readonly CompiledTarget[] {
  const { request, wishes, warm, issuer } = input;
  const { exploration, targets, strategy } = route;
  const wished = wishedOrders[request.routing?.sort ?? RoutingSort.UNSPECIFIED];
  const by = wished ?? strategy;
  // As most are, and as `orderTargets` would give it back; what it looks at need not be gathered.
  if (targets.length < 2 && by !== "weighted") return targets;
  const tiers = wished === undefined;
  const ordered = orderTargets(targets, { by, exploration, tiers }, input.facts());
  if (ordered.length < 2) return ordered;
  const rank = wishes?.rank;
  const named = rank !== undefined && rank.size > 0;
  const last = rank?.size ?? 0;
  let made = named
    ? firstBy(ordered, ({ deployment }) => rank.get(deployment.provider.name) ?? last)
    : ordered;
  // What a cold cache costs is part of the cost; any other order yields to a warm one.
  if (warm !== undefined && !named && by !== "lowest_cost") {
    made = firstBy(made, ({ deployment }) => (deployment.name === warm ? 0 : 1));
  }
  if (issuer !== undefined) {
    made = firstBy(made, ({ deployment }) => (deployment.provider.name === issuer ? 0 : 1));
  }
  return made;
}

/** Stable: equal ranks stay as they were. */
function firstBy(
  targets: readonly CompiledTarget[],
  rank: (target: CompiledTarget) => number,
): readonly CompiledTarget[] {
  return targets.toSorted((a, b) => rank(a) - rank(b));
}
