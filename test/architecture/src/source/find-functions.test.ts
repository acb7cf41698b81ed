import { expect, it } from "vitest";
import { findFunctions } from "./find-functions.ts";
import { splitSource } from "./split-source.ts";

function namesIn(text: string): string[] {
  return findFunctions(splitSource(text).code).map(
    (one) => `${one.name} ${one.startLine}-${one.endLine}`,
  );
}

it("finds functions, methods and arrow functions with their lines", () => {
  const text = [
    "export function one<T>(value: T): { a: T } {",
    "  return { a: value };",
    "}",
    "class Two {",
    "  constructor(private: number) {",
    "  }",
    "  async *three(",
    "    first: string,",
    "  ): AsyncGenerator<string, void> {",
    "    for await (const item of first) {",
    "    }",
    "  }",
    "}",
    "const four = (): void => {",
    "  call(() => {",
    "  });",
    "};",
  ].join("\n");
  expect(namesIn(text)).toEqual([
    "one 1-3",
    "constructor 5-6",
    "three 7-12",
    "four 14-17",
    "arrow function 15-16",
  ]);
});

it("takes nothing else for a function", () => {
  const text = [
    "interface A {",
    "  go(): void;",
    "}",
    "if (a()) {",
    "} else if (b()) {",
    "}",
    "switch (c()) {",
    "  case d(): {",
    "  }",
    "}",
    "const e = f() ? { g: 1 } : { h: 2 };",
    "try {",
    "} catch (error) {",
    "}",
    "class I extends j(k) {",
    "}",
  ].join("\n");
  expect(namesIn(text)).toEqual([]);
});
