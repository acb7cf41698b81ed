import type { RouteExplanation, RouteMiss } from "@penstock/snapshot";

/** How far from being chosen: a route that only came second is the closest. */
const distances: Readonly<Record<RouteMiss, number>> = {
  order: 1,
  condition: 2,
  label: 3,
  model: 4,
};

/**
 * The chosen route, then those that came closest, at most `most` in all. Routes of other models are
 * told only where no route is chosen: then those with the most similar names, for a model that was
 * mistyped. `most` undefined: all of them.
 */
export function nearestRoutes(
  rows: readonly RouteExplanation[],
  model: string,
  most: number | undefined,
): RouteExplanation[] {
  const isChosen = rows.some(({ chosen }) => chosen);
  const ranked = rows
    .filter(({ miss }) => most === undefined || !isChosen || miss !== "model")
    .map((row, at) => {
      const likeness = row.miss === "model" ? likenessOf(row, model) : 0;
      return { row, at, likeness, distance: row.miss === undefined ? 0 : distances[row.miss] };
    });
  // Rows come best first: that stays their order where nothing else tells them apart.
  ranked.sort(
    (one, other) =>
      one.distance - other.distance || other.likeness - one.likeness || one.at - other.at,
  );
  return ranked.slice(0, most).map(({ row }) => described(row));
}

/** Characters at both ends that a route's closest model has in common with the one asked for. */
function likenessOf({ route }: RouteExplanation, model: string): number {
  return Math.max(0, ...route.models.map((pattern) => commonEnds(pattern, model)));
}

function commonEnds(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length);
  let begin = 0;
  while (begin < shorter && one[begin] === other[begin]) begin += 1;
  let end = 0;
  while (end < shorter - begin && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  return begin + end;
}

/** How many models of a route are named. */
const mostModels = 3;

function described(row: RouteExplanation): RouteExplanation {
  if (row.miss !== "model") return row;
  const { models } = row.route;
  const named = models.slice(0, mostModels).map((model) => JSON.stringify(model));
  const more = models.length > mostModels ? ", …" : "";
  return { ...row, reason: `${row.reason}; it serves ${named.join(", ")}${more}` };
}
