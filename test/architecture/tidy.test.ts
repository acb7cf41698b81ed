import { describe, expect, it } from "vitest";
import { deadFileRule } from "./src/rules/dead-file-rule.ts";
import * as imports from "./src/rules/import-rules.ts";
import { mapRule } from "./src/rules/map-rule.ts";
import * as names from "./src/rules/name-rules.ts";
import * as sizes from "./src/rules/size-rules.ts";
import * as words from "./src/rules/word-rules.ts";
import * as workspaces from "./src/rules/workspace-rules.ts";
import { readProject } from "./src/source/project.ts";
import { readTopLevel, readTree } from "./src/source/read-tree.ts";
import { formatViolation, type Rule, type Violation } from "./src/violation.ts";

const project = readProject(readTree());

function expectNone(violations: readonly Violation[]): void {
  expect(violations.map(formatViolation).join("\n")).toBe("");
}

const rules: readonly [string, Rule][] = [
  ["imports point down or left", imports.layerRule],
  ["packages are imported by name, files by path", imports.packageBoundaryRule],
  ["one index.ts per package, named exports only", imports.namedExportsRule],
  ["third parties stay behind their fences", imports.fenceRule],
  ["layer 1 is pure", imports.purityRule],
  ["no promises in comments, no any, no silenced tools", words.bannedWordsRule],
  ["one file reads the environment", words.environmentRule],
  ["lines of the log name ids alike", words.logFieldRule],
  ["no vague names", names.vagueNameRule],
  ["kebab-case", names.kebabCaseRule],
  ["tests stand beside the code", names.testsBesideCodeRule],
  ["files have at most 400 lines", sizes.fileLengthRule],
  ["functions have at most 70 lines", sizes.functionLengthRule],
  ["lines have at most 110 characters", sizes.lineLengthRule],
  ["every file is reached", deadFileRule],
  ["references of tsconfig.json are the dependencies", workspaces.referencesRule],
  ["dependencies are used, declared and in the catalog", workspaces.dependencyRule],
  ["the catalog has nothing unused", workspaces.catalogRule],
  ["the map in ARCHITECTURE.md is true", mapRule],
];

describe("tidy", () => {
  it.each(rules)("%s", (_name, rule) => {
    expectNone(rule(project));
  });

  it("the top level is the fixed list", () => {
    expectNone(names.topLevelRule(readTopLevel()));
  });

  it("reads a repository, not an empty folder", () => {
    expect(project.workspaces.length).toBeGreaterThan(20);
    expect(project.sources.length).toBeGreaterThan(20);
    const long = sizes.longFiles(project);
    if (long.length > 0) process.stdout.write(`longer than 250 lines:\n  ${long.join("\n  ")}\n`);
  });
});
