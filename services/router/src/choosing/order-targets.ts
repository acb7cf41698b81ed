import type { CompiledTarget, StrategyName } from "@penstock/snapshot";
import type { Latency } from "../performance/target-performance.ts";

/** What an order may rest on. All of it is known before anything is sent; nothing is changed. */
export interface OrderFacts {
  /** How soon the target's first content comes. */
  readonly latency: (target: CompiledTarget) => Latency;
  /** Attempts under way. */
  readonly inFlight: (target: CompiledTarget) => number;
  /** Undefined: not known. Unit: tokens per second. */
  readonly tokensPerSecond: (target: CompiledTarget) => number | undefined;
  /** What the request would cost there. Undefined: it has no price. Unit: nano-USD. */
  readonly cost: (target: CompiledTarget) => bigint | undefined;
  /** Numbers from 0 to below 1. */
  readonly random: () => number;
}

/** By what targets are ordered: a strategy of routes, or what only callers may wish. */
export interface TargetOrder {
  readonly by: StrategyName | "throughput";
  /** Share of requests that look after a target of which nothing was heard for long. */
  readonly exploration: number;
  /** Whether a lower priority number goes before any other reason. */
  readonly tiers: boolean;
}

/** A target of which nothing was heard for so long may have changed. */
const staleMs = 60_000;

/** The targets in the order they are tried. One target is given back as it came. */
export function orderTargets(
  targets: readonly CompiledTarget[],
  order: TargetOrder,
  facts: OrderFacts,
): readonly CompiledTarget[] {
  if (targets.length < 2 && order.by !== "weighted") return targets;
  switch (order.by) {
    case "priority":
      return targets;
    case "weighted":
      return drawByWeight(targets, facts.random);
    case "least_latency":
      return byScore(targets, order, latencyScores(targets, order, facts));
    case "least_busy":
      return byScore(
        targets,
        order,
        targets.map((target) => busyness(target, facts)),
      );
    case "lowest_cost":
      return byScore(
        targets,
        order,
        targets.map((target) => costScore(target, facts)),
      );
    case "throughput":
      return byScore(
        targets,
        order,
        targets.map((target) => -(facts.tokensPerSecond(target) ?? 0)),
      );
  }
}

/** Lowest score first; equal ones stay in the order given. */
function byScore(
  targets: readonly CompiledTarget[],
  { tiers }: TargetOrder,
  scores: readonly number[],
): readonly CompiledTarget[] {
  const places = targets.map((_, place) => place);
  places.sort((a, b) => {
    const tier = tiers ? (targets[a]?.priority ?? 0) - (targets[b]?.priority ?? 0) : 0;
    return tier || compare(scores[a] ?? 0, scores[b] ?? 0) || a - b;
  });
  return places.flatMap((place) => targets[place] ?? []);
}

/** Infinities are equal to themselves, which their difference would not say. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Smoothed times. A target of which nothing is known goes first while nobody tries it, and behind
 * what is known while somebody does. One that was silent for long is looked after by a share of the
 * requests: it may have recovered.
 */
function latencyScores(
  targets: readonly CompiledTarget[],
  { exploration }: TargetOrder,
  facts: OrderFacts,
): number[] {
  let explores: boolean | undefined;
  return targets.map((target) => {
    const { firstTokenMs, quietMs } = facts.latency(target);
    if (firstTokenMs === undefined) return facts.inFlight(target) === 0 ? -1 : Infinity;
    if (quietMs < staleMs || facts.inFlight(target) > 0) return firstTokenMs;
    explores ??= facts.random() < exploration;
    return explores ? -1 : firstTokenMs;
  });
}

function busyness(target: CompiledTarget, { inFlight }: OrderFacts): number {
  return target.weight > 0 ? inFlight(target) / target.weight : Infinity;
}

function costScore(target: CompiledTarget, { cost }: OrderFacts): number {
  const costNanoUsd = cost(target);
  return costNanoUsd === undefined ? Infinity : Number(costNanoUsd);
}

/** Draws all targets one after another, each by its share of what is left. */
function drawByWeight(
  targets: readonly CompiledTarget[],
  random: () => number,
): readonly CompiledTarget[] {
  const left = targets.filter((target) => target.weight > 0);
  const drawn: CompiledTarget[] = [];
  let total = left.reduce((sum, target) => sum + target.weight, 0);
  while (left.length > 0) {
    let at = random() * total;
    let index = 0;
    while (index < left.length - 1 && at >= (left[index]?.weight ?? 0)) {
      at -= left[index]?.weight ?? 0;
      index += 1;
    }
    const [target] = left.splice(index, 1);
    if (target === undefined) break;
    total -= target.weight;
    drawn.push(target);
  }
  return drawn;
}
