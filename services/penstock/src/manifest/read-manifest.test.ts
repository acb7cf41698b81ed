import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { create } from "@bufbuild/protobuf";
import { BudgetPeriod, UnavailableMode } from "@penstock/api";
import { validateResource } from "@penstock/snapshot";
import { describe, expect, it } from "vitest";
import { formatProblem } from "./manifest-problem.ts";
import { readManifest } from "./read-manifest.ts";
import { readManifests } from "./read-manifests.ts";

function problemsOf(text: string): string[] {
  return readManifest(text, "m.yaml").problems.map(formatProblem);
}

/** The value of the only resource in the text. */
function valueOf(text: string) {
  const manifest = readManifest(text, "m.yaml");
  expect(manifest.problems).toEqual([]);
  expect(manifest.resources).toHaveLength(1);
  return manifest.resources[0]!.resource.resource.value as unknown as Record<string, unknown>;
}

describe("readManifest", () => {
  it("reads the route of the documentation", () => {
    const value = valueOf(`
kind: Route
name: routes/smart
labels: { app: demo }
match: { models: [smart] }
strategy: { priority: {} }
targets:
  - { deployment: deployments/alpha-large, priority: 0 }
  - { deployment: deployments/beta-large, priority: 1 }
timeouts: { firstToken: 300ms, progress: 10s, total: 1m }
`);
    expect(value).toMatchObject({
      name: "routes/smart",
      labels: { app: "demo" },
      strategy: { strategy: { case: "priority" } },
      targets: [{ deployment: "deployments/alpha-large" }, { priority: 1 }],
      timeouts: {
        firstToken: create(DurationSchema, { seconds: 0n, nanos: 300_000_000 }),
        total: create(DurationSchema, { seconds: 60n }),
      },
    });
  });

  it("reads money, short enum names and both ways to write whole numbers", () => {
    const budget = (rest: string) => valueOf(`kind: Budget\nname: budgets/demo\n${rest}`);
    expect(budget('amountUsd: "12.50"\nperiod: DAY\nonUnavailable: DENY')).toMatchObject({
      amountNanoUsd: 12_500_000_000n,
      period: BudgetPeriod.DAY,
      onUnavailable: UnavailableMode.DENY,
    });
    expect(budget("amountUsd: 3\nperiod: BUDGET_PERIOD_MONTH")).toMatchObject({
      amountNanoUsd: 3_000_000_000n,
      period: BudgetPeriod.MONTH,
    });
    expect(budget('amountNanoUsd: "7"')).toMatchObject({ amountNanoUsd: 7n });
    expect(budget("amountNanoUsd: 9223372036854775807")).toMatchObject({
      amountNanoUsd: 9_223_372_036_854_775_807n,
    });
    expect(budget("scope: { project: projects/demo }")).toMatchObject({
      scope: { scope: { case: "project", value: "projects/demo" } },
    });
  });

  it("reads prices", () => {
    const value = valueOf(`
kind: PriceBook
name: priceBooks/alpha
prices:
  - { model: m, inputUsdPerMillionTokens: "0.15", requestUsd: "0.000000001" }
`);
    expect(value["prices"]).toMatchObject([
      { inputNanoUsdPerMillionTokens: 150_000_000n, requestNanoUsd: 1n },
    ]);
  });

  it("reports every problem of every document, with line and path", () => {
    const text = `# routes
kind: Route
name: routes/smart
match: { models: [smart], modell: x }
targets:
  - deployment: deployments/a
    weight: heavy
timeouts:
  firstToken: 5
  progress: soon
---
kind: Budget
name: budgets/demo
amountUsd: 12.50
period: WEEK
period: DAY
revision: 5
---
kind: Bogus
name: bogus/x
---
kind: Limit
name: limits/UPPER
requestsPerMinute: 1
tokensPerMinute: 1.5
labels: { app: 1 }
displayname: x
`;
    expect(problemsOf(text)).toEqual([
      "m.yaml:4: match.modell is not a field of RouteMatch; did you mean models?",
      'm.yaml:7: targets[0].weight must be a whole number, not "heavy"',
      "m.yaml:9: timeouts.firstToken must be a duration such as 5s, 300ms or 1m, not 5",
      'm.yaml:10: timeouts.progress must be a duration such as 5s, 300ms or 1m, not "soon"',
      'm.yaml:14: amountUsd must be in quotes, so that no digit is lost: "12.50"',
      'm.yaml:15: period must be DAY or MONTH, not "WEEK"',
      "m.yaml:16: period is given twice",
      "m.yaml:17: revision is set by the server; leave it out",
      expect.stringMatching(/^m\.yaml:19: kind must be one of Team, Project,/),
      "m.yaml:25: tokensPerMinute can't stand beside requestsPerMinute; keep one of them",
      'm.yaml:26: labels.app must be text; put it in quotes: "1"',
      "m.yaml:27: displayname is not a field of Limit; did you mean displayName?",
      expect.stringMatching(
        /^m\.yaml:23: name must be limits\/<id>, where .* such as limits\/example-1; it is "/,
      ),
    ]);
  });

  it("lists the fields there are, without those that the server sets", () => {
    expect(problemsOf("kind: Limit\nname: limits/a\nwindow: 5\nselector: { colour: red }")).toEqual(
      [
        "m.yaml:3: window is not a field of Limit; its fields are name, displayName, labels, " +
          "annotations, etag, scope, selector, requestsPerMinute, tokensPerMinute, " +
          "onUnavailable, durability",
        expect.stringMatching(
          /^m\.yaml:4: selector\.colour is not a field of Selector; its fields are model, /,
        ),
      ],
    );
  });

  it("gives a field that is missing by a misspelling the place of the misspelling", () => {
    const { resources } = readManifest(
      "kind: Limit\nname: limits/a\ntokenPerMinute: 5\n---\nkind: Limit\nname: limits/b\n" +
        "tokensPerMinute: 5\nrequestPerMinute: 6\n",
      "m.yaml",
    );
    const [first, second] = resources.map(({ places }) => places);
    expect(first?.find("requestsPerMinute")).toEqual({ line: 3, writtenPath: "tokenPerMinute" });
    expect(second?.find("tokensPerMinute")).toEqual({ line: 7, writtenPath: "tokensPerMinute" });
  });

  it("reads a list, as JSON with what the server sets, and tells its items apart", () => {
    const team = { kind: "Team", name: "teams/a", uid: "u", revision: "7", etag: "e" };
    const asJson = JSON.stringify([team, { ...team, name: "teams/b", owner: 1 }, 5], undefined, 2);
    const { resources, problems, severalIn } = readManifest(asJson, "m.json");
    expect(resources.map(({ name, document, line }) => [name, document, line])).toEqual([
      ["teams/a", 1, 2],
      ["teams/b", 2, 9],
    ]);
    expect(resources[0]?.resource.resource.value).toMatchObject({ etag: "e", uid: "" });
    expect(problems.map(({ document, name, line }) => [document, name, line])).toEqual([
      [2, "teams/b", 15],
      [3, "", 17],
    ]);
    expect([...severalIn]).toEqual(["m.json"]);
    expect(valueOf(JSON.stringify(team))).toMatchObject({ name: "teams/a", uid: "" });
    expect(readManifest("[]", "m.json")).toMatchObject({ resources: [], problems: [] });
    expect(problemsOf("- kind: Team\n  name: teams/a\n  uid: u\n")).toEqual([
      "m.yaml:3: uid is set by the server; leave it out",
    ]);
  });

  it("refuses items of a list that hold nothing, and takes aliases for what they name", () => {
    const mapping = "must be a mapping with kind and name, one resource per document";
    const team = '{"kind":"Team","name":"teams/a"}';
    expect(problemsOf(`[null, ${team}]`)).toEqual([`m.yaml:1: ${mapping}`]);
    expect(problemsOf("-\n- kind: Team\n  name: teams/a\n")).toEqual([`m.yaml:1: ${mapping}`]);
    expect(problemsOf(`- &x ${team}\n- *x\n`)).toEqual([]);
    const { problems } = readManifests([{ file: "m.yaml", text: `- &x ${team}\n- *x\n` }]);
    expect(problems.map(formatProblem)).toEqual([
      "m.yaml:1: name teams/a is given already in m.yaml:1",
    ]);
    expect(problemsOf("- &x [*x]\n")).toEqual([`m.yaml:1: ${mapping}`]);
    expect(valueOf("displayName: &k Team\nkind: *k\nname: teams/a\n")).toBeDefined();
  });

  it("sees the name of what is no resource, wherever it stands in its line", () => {
    const seenIn = (text: string) => {
      const { problems, unreadNames } = readManifest(text, "m.json");
      return [problems.map(({ name }) => name), [...unreadNames]];
    };
    const teem = '{"kind":"Teem","name":"teams/a","labels":{"name":"x"}}';
    const project = '{"kind":"Project","name":"projects/p"}';
    expect(seenIn(`[${teem},${project}]`)).toEqual([["teams/a"], ["teams/a"]]);
    expect(seenIn(`kind: Teem\nname: teams/a\nlabels:\n  name: x\n`)[0]).toEqual(["teams/a"]);
    expect(seenIn('{"kind":"Teem","name":5}')).toEqual([[""], []]);
    const [, names] = seenIn(`[${teem},${project},{"kind"]`);
    expect(names).toEqual(expect.arrayContaining(["teams/a", "projects/p"]));
  });

  it("refuses what is not a resource without ending the reading", () => {
    expect(problemsOf("- a\n---\nname: routes/x\n---\nkind: Team\n---\nkind: [\n")).toEqual([
      "m.yaml:1: must be a mapping with kind and name, one resource per document",
      expect.stringMatching(/^m\.yaml:3: kind is required/),
      "m.yaml:5: name is required",
      expect.stringMatching(/^m\.yaml:[78]: is not valid YAML: /),
    ]);
    expect(problemsOf("kind: Team\nname: teams/x\nowners:\ncostCentre: 5\n")).toEqual([
      "m.yaml:3: owners must be a list, such as [a, b]",
      'm.yaml:4: costCentre must be text; put it in quotes: "5"',
    ]);
    expect(problemsOf("kind: Team\nname: teams/x\ncostCentre:\n")).toEqual([
      "m.yaml:3: costCentre has no value; give it one or leave the field out",
    ]);
    expect(problemsOf("kind: VirtualKey\nname: projects/p/virtualKeys/k\ncredentials: []")).toEqual(
      ["m.yaml:3: credentials is set by the server; leave it out"],
    );
  });

  it("takes empty documents and JSON, and keeps what looks dangerous as plain text", () => {
    expect(readManifest("---\n# nothing\n---\n", "m").resources).toEqual([]);
    expect(valueOf('{"kind":"Team","name":"teams/a","labels":{"__proto__":"x"}}')).toBeDefined();
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect(problemsOf(`a: &a [${"[".repeat(20_000)}`).length).toBeGreaterThan(0);
  });

  it("names both places of a resource that is given twice", () => {
    const text = "kind: Team\nname: teams/a\n";
    const { problems } = readManifests([
      { file: "a.yaml", text },
      { file: "b.yaml", text: `# b\n${text}` },
    ]);
    expect(problems.map(formatProblem)).toEqual([
      "b.yaml:3: name teams/a is given already in a.yaml:1",
    ]);
  });

  const examples = join(import.meta.dirname, "../../../../deploy/manifests");

  it.each(readdirSync(examples))("reads deploy/manifests/%s, whose resources are valid", (file) => {
    const { problems, resources } = readManifest(readFileSync(join(examples, file), "utf8"), file);
    expect(problems).toEqual([]);
    expect(resources.length).toBeGreaterThan(0);
    for (const { resource } of resources) expect(validateResource(resource)).toEqual([]);
  });
});
