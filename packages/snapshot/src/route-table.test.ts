import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { compileCondition } from "./condition.ts";
import type { ConditionFacts } from "./condition.ts";
import { matchesModel } from "./match.ts";
import { explainRoutes, selectRoute } from "./route-table.ts";
import type { CompiledRoute } from "./snapshot.ts";

function route(name: string, scopeRank: number, models: string[], labels = {}): CompiledRoute {
  return {
    name: `routes/${name}`,
    scopeName: "all",
    scopeRank,
    models,
    labels,
    condition: undefined,
    strategy: "priority",
    exploration: 0,
    targets: [],
    maxAttempts: 3,
    totalTimeoutMs: 900_000,
    contentFilterFallback: false,
    hedging: undefined,
  };
}

describe("selectRoute", () => {
  it.each([
    ["scope before match", [route("a", 0, ["gpt-4"]), route("b", 1, ["*"])], "routes/b"],
    ["exact before pattern", [route("a", 0, ["gpt-4*"]), route("b", 0, ["gpt-4"])], "routes/b"],
    ["longer before shorter", [route("a", 0, ["g*"]), route("b", 0, ["gpt*"])], "routes/b"],
    [
      "more labels before fewer",
      [route("a", 0, ["gpt-4"]), route("b", 0, ["gpt-4"], { app: "x" })],
      "routes/b",
    ],
    ["lower name last", [route("b", 0, ["gpt-4"]), route("a", 0, ["gpt-4"])], "routes/a"],
    ["only what fits", [route("a", 3, ["gpt-5"]), route("b", 0, ["*"])], "routes/b"],
    [
      "only with its labels",
      [route("a", 3, ["*"], { app: "y" }), route("b", 0, ["*"])],
      "routes/b",
    ],
  ])("%s", (_, routes, expected) => {
    expect(selectRoute({ routes }, "gpt-4", { app: "x" })?.name).toBe(expected);
  });

  it("finds what going through all candidates finds, in any order of routes", () => {
    const pattern = fc.constantFrom("a", "ab", "abc", "a*", "ab*", "*", "b*");
    const labels = fc.constantFrom<Record<string, string>>({}, { x: "1" }, { x: "1", y: "2" });
    const some = fc.uniqueArray(
      fc.record({
        name: fc.integer({ min: 0, max: 20 }),
        rank: fc.nat(3),
        models: fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }),
        labels,
      }),
      { selector: ({ name }) => name, maxLength: 12 },
    );
    fc.assert(
      fc.property(
        some,
        fc.constantFrom("a", "ab", "abc", "abcd", "b", "c"),
        labels,
        (made, model, asked) => {
          const routes = made.map((one) => route(`r${one.name}`, one.rank, one.models, one.labels));
          const selected = selectRoute({ routes }, model, asked);
          const fitting = routes.filter(
            (one) =>
              one.models.some((each) => matchesModel(each, model)) &&
              Object.entries(one.labels).every(([key, value]) => asked[key] === value),
          );
          const score = (one: CompiledRoute): number[] => [
            -one.scopeRank,
            ...[
              Math.max(
                ...one.models
                  .filter((each) => matchesModel(each, model))
                  .map((each) => (each.endsWith("*") ? each.length : 1_000)),
              ),
            ].map((specific) => -specific),
            -Object.keys(one.labels).length,
          ];
          const best = fitting.toSorted((first, second) => {
            const difference = score(first)
              .map((value, index) => value - score(second)[index]!)
              .find((value) => value !== 0);
            return difference ?? (first.name < second.name ? -1 : 1);
          })[0];
          expect(selected?.name).toBe(best?.name);
          const chosen = explainRoutes({ routes }, model, asked).filter((each) => each.chosen);
          expect(chosen.map((each) => each.route.name)).toEqual(best ? [best.name] : []);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("takes a route with a condition before one without, where it holds, and says why not", () => {
    const compiled = compileCondition("input_tokens > 10");
    if (!compiled.ok) throw new Error(compiled.description);
    const { condition } = compiled;
    const routes = [route("a", 0, ["m"]), { ...route("b", 0, ["m"]), condition }];
    const facts = (tokens: bigint) => () => ({ input_tokens: tokens }) as ConditionFacts;
    expect(selectRoute({ routes }, "m", {}, facts(11n))?.name).toBe("routes/b");
    expect(selectRoute({ routes }, "m", {}, facts(10n))?.name).toBe("routes/a");
    const rows = explainRoutes({ routes }, "m", {}, facts(10n));
    expect(rows.find((row) => row.route.name === "routes/b")).toMatchObject({
      chosen: false,
      reason: 'its condition does not hold at "input_tokens > 10": input_tokens is 10',
    });
  });
});
