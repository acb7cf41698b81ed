import { expect, it } from "vitest";
import { madeUpProject } from "../source/made-up-project.ts";
import { formatViolation } from "../violation.ts";
import { fileLengthRule, functionLengthRule, lineLengthRule, longFiles } from "./size-rules.ts";

function lines(count: number): string {
  return "  step();\n".repeat(count);
}

it("refuses files above 400 lines and names those above 250", () => {
  const project = madeUpProject({
    "packages/bus/src/a.ts": lines(400),
    "packages/bus/src/b.ts": lines(401),
    "packages/bus/src/c.ts": lines(250),
    "packages/api/src/gen/d_pb.ts": lines(1_000),
  });
  expect(fileLengthRule(project).map(formatViolation)).toEqual([
    "file-length  packages/bus/src/b.ts  401 lines, at most 400 → one concept per file: split it",
  ]);
  expect(longFiles(project)).toEqual([
    "401 lines  packages/bus/src/b.ts",
    "400 lines  packages/bus/src/a.ts",
  ]);
});

it("refuses functions above 70 lines, of every kind, and nothing else in braces", () => {
  const project = madeUpProject({
    "packages/bus/src/a.ts": [
      `function fits(): void {\n${lines(68)}}\n`,
      `export async function tooLong(): Promise<Map<string, { a: number }>> {\n${lines(69)}}\n`,
      `const arrow = (value: string): void => {\n${lines(69)}};\n`,
      `class Store {\n  open(): void {\n${lines(69)}  }\n${lines(80)}}\n`,
      `const table = {\n${lines(80)}};\n`,
      `if (ready) {\n${lines(80)}}\n`,
    ].join(""),
  });
  expect(functionLengthRule(project).map(formatViolation)).toEqual([
    "function-length  packages/bus/src/a.ts:71  tooLong: 71 lines, at most 70 → split it",
    "function-length  packages/bus/src/a.ts:142  arrow: 71 lines, at most 70 → split it",
    "function-length  packages/bus/src/a.ts:214  open: 71 lines, at most 70 → split it",
  ]);
});

it("refuses long lines unless a string, an address or an import makes them so", () => {
  const long = "x".repeat(100);
  const project = madeUpProject({
    "packages/bus/src/a.ts": [
      `const text = "${long}";`,
      `import { a } from "${long}";`,
      `// see https://example.com/${long}`,
      `// ${long} and more of it`,
      `call(${long}, 12345);`,
    ].join("\n"),
  });
  expect(lineLengthRule(project).map(formatViolation)).toEqual([
    "line-length  packages/bus/src/a.ts:4  118 characters, at most 110 → break it",
    "line-length  packages/bus/src/a.ts:5  114 characters, at most 110 → break it",
  ]);
});
