import { expect, it } from "vitest";
import { madeUpProject } from "../source/made-up-project.ts";
import { formatViolation } from "../violation.ts";
import { bannedWordsRule, environmentRule, logFieldRule } from "./word-rules.ts";

// The words are put together here, so that these tests do not break the rule they test.
const later = ["TO", "DO"].join("");
const ignore = ["@ts", "ignore"].join("-");

it("finds words that put work off, in comments only", () => {
  const project = madeUpProject({
    "packages/bus/src/a.ts": [
      `const word = "${later}";`,
      `// ${later}: later`,
      `/** Lists ${later}S, which is no such word. */`,
      `// ${ignore}`,
    ].join("\n"),
    "proto/penstock/type/v1/a.proto": `// Fine.\n// ${later}: number\nmessage A {}\n`,
  });
  expect(bannedWordsRule(project).map(formatViolation)).toEqual([
    `banned-words  packages/bus/src/a.ts:2  "${later}" → do it now or open an issue`,
    `banned-words  packages/bus/src/a.ts:4  "${ignore}" → mend what the tool complains of`,
    `banned-words  proto/penstock/type/v1/a.proto:2  "${later}" → do it now or open an issue`,
  ]);
});

it("finds the type any, but not the word", () => {
  const project = madeUpProject({
    "packages/bus/src/a.ts": [
      "const one = value as any;",
      "function two(value: any): void {}",
      "const three: Map<string, unknown> = new Map<any>();",
      "const message = `as any: any`; // as any other",
      "const list: any[] = [];",
    ].join("\n"),
  });
  expect(bannedWordsRule(project).map((one) => one.line)).toEqual([1, 2, 3, 5]);
});

it("lets one file read the environment", () => {
  const project = madeUpProject({
    "packages/runtime/src/env.ts": "export const all = process.env;\n",
    "services/penstock/bin/penstock.mjs": "run(process.env);\n",
    "test/support/src/a.ts": "export const all = process.env;\n",
    "services/router/src/config.ts":
      'const note = "process.env";\nconst port = process.env["PORT"];\n',
  });
  expect(environmentRule(project).map(formatViolation)).toEqual([
    'environment  services/router/src/config.ts:2  "process.env" → readEnvironment of @penstock/runtime',
  ]);
});

it("finds ids of requests under another name in lines of the log", () => {
  const project = madeUpProject({
    "services/quota/src/a.ts": [
      'logger.warn("one", { requestId, error });',
      'logger.warn("two", { request_id: requestId });',
      'logger.error("three", { quota: nameOf(quota), traceId: context.traceId });',
      'logger.error("four", { trace_id: context.trace.traceId });',
      "const details = { requestId };",
    ].join("\n"),
  });
  expect(logFieldRule(project).map(({ line }) => line)).toEqual([1, 3]);
});
