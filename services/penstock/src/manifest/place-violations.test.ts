import { describe, expect, it } from "vitest";
import { formatProblem } from "./manifest-problem.ts";
import { placeViolations } from "./place-violations.ts";
import { readManifest } from "./read-manifest.ts";

const { resources } = readManifest(
  `kind: Team
name: teams/a
---
kind: Route
name: routes/smart
match: { models: [smart] }
targets:
  - deployment: deployments/gone
timeouts:
  firstToken: 5s
---
kind: Budget
name: budgets/b
amountUsd: "5"
`,
  "m.yaml",
);

function placed(field: string): string[] {
  const { problems } = placeViolations([{ field, description: "is wrong" }], resources);
  return problems.map(formatProblem);
}

describe("placeViolations", () => {
  it("finds the line of a field, in either spelling and with the kind or without", () => {
    expect(placed("resources[1].targets[0].deployment")).toEqual([
      "m.yaml:8: targets[0].deployment is wrong",
    ]);
    expect(placed("resources[1].route.timeouts.first_token")).toEqual([
      "m.yaml:10: timeouts.firstToken is wrong",
    ]);
  });

  it("names money as the file does", () => {
    expect(placed("resources[2].amount_nano_usd")).toEqual(["m.yaml:14: amountUsd is wrong"]);
  });

  it("places what is missing at the nearest thing around it", () => {
    expect(placed("resources[1].targets[0].weight")).toEqual([
      "m.yaml:8: targets[0].weight is wrong",
    ]);
    expect(placed("resources[2].period")).toEqual(["m.yaml:12: period is wrong"]);
    expect(placed("resources[0]")).toEqual(["m.yaml:1: is wrong"]);
  });

  it("says once what is missing because what stands there could not be read", () => {
    const text = `kind: Route
name: routes/r
strategy: { fastest: {} }
---
kind: Route
name: routes/s
strategy: { priority: {} }
`;
    const { resources: routes, problems: told } = readManifest(text, "m.yaml");
    const violations = [
      { field: "resources[0].strategy", description: "is required", reason: "REQUIRED" },
      { field: "resources[0].strat", description: "is required", reason: "REQUIRED" },
      { field: "resources[0].strategy", description: "is old", reason: "INVALID" },
      { field: "resources[1].strategy", description: "is required", reason: "REQUIRED" },
    ];
    const { problems } = placeViolations(violations, routes, told);
    expect(problems.map(formatProblem)).toEqual([
      "m.yaml:1: strat is required",
      "m.yaml:3: strategy is old",
      "m.yaml:7: strategy is required",
    ]);
  });

  it("leaves what is about no resource of the files", () => {
    const violations = ["delete_names[0]", "resources[9].name"].map((field) => ({
      field,
      description: "is wrong",
    }));
    expect(placeViolations(violations, resources)).toEqual({ problems: [], rest: violations });
  });
});
