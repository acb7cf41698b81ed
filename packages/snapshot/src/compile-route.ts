import type { Route, RouteStrategy, Timeouts } from "@penstock/api";

import { compileCondition } from "./condition.ts";
import type { CompiledCondition } from "./condition.ts";
import type { DurationParts } from "./duration.ts";
import { durationMs } from "./duration.ts";
import { readHedging } from "./read-hedging.ts";
import { readScope } from "./scope.ts";
import type {
  AttemptTimeouts,
  CompiledDeployment,
  CompiledRoute,
  CompiledTarget,
  StrategyName,
} from "./snapshot.ts";

// decisions §4.
const defaultConnectMs = 3_000;
const defaultFirstTokenMs = 60_000;
const defaultReasoningFirstTokenMs = 180_000;
const defaultProgressMs = 30_000;
const defaultAttemptMs = 600_000;
const defaultTotalMs = 900_000;
const defaultMaxAttempts = 3;
/** Share of requests that look after a target of which nothing was heard for long. */
const defaultExploration = 0.05;

/** A deployment with its own and its provider's timers. */
export interface TargetParts {
  readonly deployment: CompiledDeployment;
  readonly deploymentTimeouts: Timeouts | undefined;
  readonly providerTimeouts: Timeouts | undefined;
}

/**
 * Makes a route ready; undefined when a target is not there. The route must have passed
 * validation.
 */
export function compileRoute(
  route: Route,
  find: (deployment: string) => TargetParts | undefined,
): CompiledRoute | undefined {
  const targets: CompiledTarget[] = [];
  for (const target of route.targets) {
    const parts = find(target.deployment);
    if (parts === undefined) return undefined;
    targets.push({
      deployment: parts.deployment,
      priority: target.priority,
      weight: target.weight ?? 1,
      timeouts: attemptTimeouts(route.timeouts, parts),
      condition: conditionOf(target.condition),
    });
  }
  return {
    name: route.name,
    ...readScope(route.scope),
    models: [...(route.match?.models ?? [])],
    labels: { ...route.match?.labels },
    condition: conditionOf(route.match?.condition ?? ""),
    ...readStrategy(route.strategy),
    // Stable: equal priorities stay in the order given.
    targets: targets.sort((first, second) => first.priority - second.priority),
    maxAttempts: route.maxAttempts ?? defaultMaxAttempts,
    totalTimeoutMs: firstOf([route.timeouts?.total], defaultTotalMs),
    contentFilterFallback: route.contentFilterFallback ?? false,
    hedging: route.hedging === undefined ? undefined : readHedging(route.hedging),
  };
}

function conditionOf(text: string): CompiledCondition | undefined {
  if (text === "") return undefined;
  const compiled = compileCondition(text);
  // Validation has refused it; a condition that can't be asked lets nothing pass.
  if (!compiled.ok) return { text, judge: () => ({ holds: false, problem: compiled.description }) };
  return compiled.condition;
}

const strategyNames: Readonly<
  Record<NonNullable<RouteStrategy["strategy"]["case"]>, StrategyName>
> = {
  priority: "priority",
  weighted: "weighted",
  leastLatency: "least_latency",
  leastBusy: "least_busy",
  lowestCost: "lowest_cost",
};

function readStrategy(
  strategy: RouteStrategy | undefined,
): Pick<CompiledRoute, "strategy" | "exploration"> {
  const chosen = strategy?.strategy;
  const named = chosen?.case === undefined ? "priority" : strategyNames[chosen.case];
  const exploration = chosen?.case === "leastLatency" ? chosen.value.exploration : undefined;
  return { strategy: named, exploration: exploration ?? defaultExploration };
}

function attemptTimeouts(own: Timeouts | undefined, parts: TargetParts): AttemptTimeouts {
  const levels = [own, parts.deploymentTimeouts, parts.providerTimeouts];
  const reasons = parts.deployment.capabilities.reasoning === true;
  return {
    connectMs: firstOf(
      levels.map((level) => level?.connect),
      defaultConnectMs,
    ),
    firstTokenMs: firstOf(
      levels.map((level) => level?.firstToken),
      reasons ? defaultReasoningFirstTokenMs : defaultFirstTokenMs,
    ),
    progressMs: firstOf(
      levels.map((level) => level?.progress),
      defaultProgressMs,
    ),
    answerMs: firstOf(
      levels.map((level) => level?.firstToken ?? level?.attempt),
      defaultAttemptMs,
    ),
    attemptMs: firstOf(
      levels.map((level) => level?.attempt),
      defaultAttemptMs,
    ),
  };
}

function firstOf(durations: readonly (DurationParts | undefined)[], defaultMs: number): number {
  const found = durations.find((duration) => duration !== undefined);
  return found === undefined ? defaultMs : durationMs(found);
}
