import { expect, it } from "vitest";
import { madeUpProject } from "../source/made-up-project.ts";
import { formatViolation } from "../violation.ts";
import { kebabCaseRule, testsBesideCodeRule, topLevelRule, vagueNameRule } from "./name-rules.ts";

it("refuses names that say nothing, of files and folders", () => {
  const project = madeUpProject({
    "packages/bus/src/utils/a.ts": "",
    "services/router/src/helpers.ts": "",
    "services/router/src/type-names.ts": "",
    "packages/formats/src/openai-chat/__fixtures__/types.json": "",
  });
  expect(vagueNameRule(project).map(formatViolation)).toEqual([
    'vague-name  packages/bus/src/utils/a.ts  "utils" says nothing → name it after what it is about',
    'vague-name  services/router/src/helpers.ts  "helpers" says nothing → name it after what it is about',
  ]);
});

it("wants kebab-case", () => {
  const project = madeUpProject({
    "packages/bus/src/openBus.ts": "",
    "packages/bus/src/natsAdapter/a.ts": "",
    "packages/bus/src/open-bus.long.test.ts": "",
    "packages/api/src/gen/penstock/type/v1/token_usage_pb.ts": "",
  });
  expect(kebabCaseRule(project).map(formatViolation)).toEqual([
    'kebab-case  packages/bus/src/openBus.ts  "openBus.ts" is not kebab-case → lower-case words joined by hyphens',
    'kebab-case  packages/bus/src/natsAdapter/a.ts  "natsAdapter" is not kebab-case → lower-case words joined by hyphens',
  ]);
});

it("wants a test beside what it tests", () => {
  const project = madeUpProject({
    "packages/bus/src/open-bus.ts": "",
    "packages/bus/src/open-bus.test.ts": "",
    "packages/bus/src/open-bus-slow.long.test.ts": "",
    "packages/bus/src/bus.test.ts": "",
    "packages/bus/src/elsewhere.test.ts": "",
    "test/integration/anything.test.ts": "",
  });
  expect(testsBesideCodeRule(project).map(formatViolation)).toEqual([
    "tests-beside-code  packages/bus/src/elsewhere.test.ts  no elsewhere.ts beside it → name it after the file it tests, or move it to test/",
  ]);
});

it("knows the top level", () => {
  expect(
    topLevelRule(["packages", "LICENSE", "scripts", "tsconfig.json"]).map(formatViolation),
  ).toEqual([
    "top-level  scripts  not in the fixed list of the top level → put it into the room it belongs to",
    "top-level  tsconfig.json  not in the fixed list of the top level → put it into the room it belongs to",
  ]);
});
