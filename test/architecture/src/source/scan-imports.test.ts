import { expect, it } from "vitest";
import { scanImports } from "./scan-imports.ts";
import { splitSource } from "./split-source.ts";

it("finds every form of import with its line and kind", () => {
  const text = [
    'import a from "one";',
    'import type { B } from "two";',
    'import { type C, d } from "three";',
    'import {\n  type E,\n  type F,\n} from "four";',
    'import * as g from "five";',
    'export { h } from "six";',
    'export * from "seven";',
    'import "eight";',
    'const i = await import("nine");',
    'type J = import("ten").J;',
    'const k = new URL("./worker.ts", import.meta.url);',
    '// import { no } from "comment";',
    "const text = 'import { no } from \"string\"';",
    "export function l(): void {}",
  ].join("\n");
  const found = scanImports(splitSource(text)).map(
    (one) =>
      `${one.line} ${one.specifier}${one.typeOnly ? " type" : ""}${one.exportsAll ? " all" : ""}`,
  );
  expect(found).toEqual([
    "1 one",
    "2 two type",
    "3 three",
    "4 four type",
    "8 five",
    "9 six",
    "10 seven all",
    "11 eight",
    "12 nine",
    "13 ten type",
    "14 ./worker.ts",
  ]);
});
