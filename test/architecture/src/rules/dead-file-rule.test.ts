import { expect, it } from "vitest";
import { madeUpProject } from "../source/made-up-project.ts";
import { formatViolation } from "../violation.ts";
import { deadFileRule } from "./dead-file-rule.ts";

it("finds files that nothing but their own test reaches", () => {
  const project = madeUpProject({
    "packages/bus/index.ts": 'export { openBus } from "./src/open-bus.ts";\n',
    "packages/bus/src/open-bus.ts": 'const worker = join(folder, "relay-worker.ts");\n',
    "packages/bus/src/relay-worker.ts": "new URL(`./sweep-worker${extension}`);",
    "packages/bus/src/sweep-worker.ts": "",
    "packages/bus/src/made-up.ts": "",
    "packages/bus/src/open-bus.test.ts": 'import { a } from "./made-up.ts";\n',
    "packages/bus/src/forgotten.ts": 'import { b } from "./also-forgotten.ts";\n',
    "packages/bus/src/forgotten.test.ts": 'import { a } from "./forgotten.ts";\n',
    "packages/bus/src/also-forgotten.ts": 'import { a } from "./forgotten.ts";\n',
  });
  expect(deadFileRule(project).map(formatViolation)).toEqual([
    "dead-file  packages/bus/src/forgotten.ts  nothing reaches it (its own test aside) → import it or delete it",
    "dead-file  packages/bus/src/also-forgotten.ts  nothing reaches it (its own test aside) → import it or delete it",
  ]);
});
