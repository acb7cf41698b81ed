import { explainCondition } from "./condition.ts";
import type { ConditionFacts } from "./condition.ts";
import { comparePatterns, compareText, labelsFit, matchesModel } from "./match.ts";
import type { Caller, CompiledRoute } from "./snapshot.ts";

/** A route through one of its patterns. */
interface Candidate {
  readonly route: CompiledRoute;
  readonly pattern: string;
  readonly labelCount: number;
}

/** The candidates of one list of routes, in the order of `compareCandidates`. */
interface RouteIndex {
  readonly exact: ReadonlyMap<string, readonly Candidate[]>;
  readonly prefixes: readonly Candidate[];
}

/** At what a route was passed over: at the model that is asked for first of all. */
export type RouteMiss = "model" | "label" | "condition" | "order";

/** Why a route was chosen or passed over. */
export interface RouteExplanation {
  readonly route: CompiledRoute;
  readonly chosen: boolean;
  /** Undefined for the chosen one. */
  readonly miss: RouteMiss | undefined;
  /** A sentence for people. */
  readonly reason: string;
}

type Labels = Readonly<Record<string, string>>;

// One list is shared by all callers who see the same routes, and lives as long as a snapshot.
const indexByRoutes = new WeakMap<readonly CompiledRoute[], RouteIndex>();

/** Order of routes for a caller who has no request yet: by scope, best pattern, labels, name. */
export function compareRoutes(first: CompiledRoute, second: CompiledRoute): number {
  return compareCandidates(bestCandidate(first), bestCandidate(second));
}

/**
 * The route that serves a request: the most specific scope, then the most specific match (an exact
 * model before a pattern, a longer pattern before a shorter, more labels before fewer, with a
 * condition before without), then the lower name. Undefined: none fits. `facts` is called at most
 * once, when a condition is met; without it every condition counts as fulfilled.
 */
export function selectRoute(
  caller: Pick<Caller, "routes">,
  model: string,
  labels: Labels,
  facts?: () => ConditionFacts,
): CompiledRoute | undefined {
  return selectCandidate(caller.routes, model, { labels, facts })?.route;
}

/** Every route of a caller with the reason for which it was chosen or not. */
export function explainRoutes(
  caller: Pick<Caller, "routes">,
  model: string,
  labels: Labels,
  facts?: () => ConditionFacts,
): RouteExplanation[] {
  const winner = selectCandidate(caller.routes, model, { labels, facts });
  return caller.routes.map((route) => {
    const passed = (miss: RouteMiss, reason: string): RouteExplanation => {
      return { route, chosen: false, miss, reason };
    };
    const pattern = fittingPattern(route, model);
    if (pattern === undefined) return passed("model", "no pattern fits the model");
    const missing = missingLabel(route, labels);
    if (missing !== undefined) return passed("label", `the request lacks ${missing}`);
    const unmet = unmetCondition(route, facts);
    if (unmet !== undefined) return passed("condition", unmet);
    if (route !== winner?.route) {
      return passed("order", reasonPassedOver(makeCandidate(route, pattern), winner));
    }
    const reason = `best match, through ${JSON.stringify(pattern)}`;
    return { route, chosen: true, miss: undefined, reason };
  });
}

function selectCandidate(
  routes: readonly CompiledRoute[],
  model: string,
  asked: Asked,
): Candidate | undefined {
  const { exact, prefixes } = indexOf(routes);
  const named = firstFitting(exact.get(model) ?? none, model, asked);
  const open = firstFitting(prefixes, model, asked);
  if (named === undefined || open === undefined) return named ?? open;
  return compareCandidates(named, open) <= 0 ? named : open;
}

const none: readonly Candidate[] = [];

function firstFitting(
  candidates: readonly Candidate[],
  model: string,
  asked: Asked,
): Candidate | undefined {
  for (const candidate of candidates) {
    const { pattern } = candidate;
    if (matchesModel(pattern, model) && fits(candidate, asked)) return candidate;
  }
  return undefined;
}

/** What a request has beside its model. */
interface Asked {
  readonly labels: Labels;
  readonly facts: (() => ConditionFacts) | undefined;
}

function fits({ route, labelCount }: Candidate, asked: Asked): boolean {
  const { labels, condition } = route;
  if (labelCount > 0 && !labelsFit(labels, asked.labels)) return false;
  if (condition === undefined || asked.facts === undefined) return true;
  return condition.judge(asked.facts()).holds;
}

function indexOf(routes: readonly CompiledRoute[]): RouteIndex {
  const known = indexByRoutes.get(routes);
  if (known !== undefined) return known;
  const candidates = routes
    .flatMap((route) => route.models.map((pattern) => makeCandidate(route, pattern)))
    .sort(compareCandidates);
  const index = {
    exact: Map.groupBy(
      candidates.filter(({ pattern }) => !pattern.endsWith("*")),
      ({ pattern }) => pattern,
    ),
    prefixes: candidates.filter(({ pattern }) => pattern.endsWith("*")),
  };
  indexByRoutes.set(routes, index);
  return index;
}

function makeCandidate(route: CompiledRoute, pattern: string): Candidate {
  return { route, pattern, labelCount: Object.keys(route.labels).length };
}

function bestCandidate(route: CompiledRoute): Candidate {
  return makeCandidate(route, route.models.toSorted(comparePatterns)[0] ?? "*");
}

function compareCandidates(first: Candidate, second: Candidate): number {
  return (
    second.route.scopeRank - first.route.scopeRank ||
    comparePatterns(first.pattern, second.pattern) ||
    second.labelCount - first.labelCount ||
    conditions(second.route) - conditions(first.route) ||
    compareText(first.route.name, second.route.name)
  );
}

function conditions({ condition }: CompiledRoute): number {
  return condition === undefined ? 0 : 1;
}

function fittingPattern(route: CompiledRoute, model: string): string | undefined {
  return route.models.filter((pattern) => matchesModel(pattern, model)).sort(comparePatterns)[0];
}

function missingLabel(route: CompiledRoute, labels: Labels): string | undefined {
  const missing = Object.keys(route.labels).find(
    (key) => !Object.hasOwn(labels, key) || labels[key] !== route.labels[key],
  );
  return missing === undefined ? undefined : `label ${missing}=${route.labels[missing]}`;
}

function unmetCondition(
  { condition }: CompiledRoute,
  facts: (() => ConditionFacts) | undefined,
): string | undefined {
  if (condition === undefined || facts === undefined) return undefined;
  const known = facts();
  return condition.judge(known).holds ? undefined : explainCondition(condition, known);
}

function reasonPassedOver(candidate: Candidate, winner: Candidate | undefined): string {
  if (winner === undefined) return "not chosen";
  const { name, scopeRank } = winner.route;
  if (scopeRank !== candidate.route.scopeRank) return `${name} has a more specific scope`;
  const sameMatch =
    comparePatterns(winner.pattern, candidate.pattern) === 0 &&
    winner.labelCount === candidate.labelCount &&
    conditions(winner.route) === conditions(candidate.route);
  return sameMatch ? `${name} fits equally and has the lower name` : `${name} fits more closely`;
}
