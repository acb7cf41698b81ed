import type { SplitSource } from "./split-source.ts";

/** One import, re-export or reference by URL, as it stands in a file. */
export interface ImportLine {
  /** What is imported, e.g. `./clock.ts`, `@penstock/bus`, `node:fs`. */
  readonly specifier: string;
  readonly line: number;
  /** True when only types are taken, so that nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
  /** True for `export * from`. */
  readonly exportsAll: boolean;
}

const names = String.raw`\{[^}]*\}`;
const patterns: readonly RegExp[] = [
  new RegExp(
    String.raw`\bimport\s+(?:type\s+)?(?:[\w$]+\s*,?\s*)?(?:${names}|\*\s+as\s+[\w$]+)?\s*from\s*(?=")`,
    "g",
  ),
  new RegExp(
    String.raw`\bexport\s+(?:type\s+)?(?:${names}|\*(?:\s+as\s+[\w$]+)?)\s*from\s*(?=")`,
    "g",
  ),
  /\bimport\s*(?=")/g,
  /\bimport\s*\(\s*(?=")/g,
  /\bnew URL\(\s*(?="[^"]*",\s*import\.meta\.url)/g,
];

/** Every import of a file, in the order of its lines. */
export function scanImports(source: SplitSource): ImportLine[] {
  return patterns
    .flatMap((pattern) => [...source.code.matchAll(pattern)])
    .map((match) => readImport(source, match))
    .filter((line) => !/(?:^|\/)\.{0,2}$/.test(line.specifier))
    .toSorted((left, right) => left.line - right.line);
}

function readImport(source: SplitSource, match: RegExpExecArray): ImportLine {
  const start = match.index + match[0].length + 1;
  const specifier = source.original.slice(start, source.original.indexOf('"', start));
  return {
    specifier,
    line: lineAt(source.original, match.index),
    typeOnly: takesOnlyTypes(match[0], source.code, match.index),
    exportsAll: /^export\s+(?:type\s+)?\*/.test(match[0]),
  };
}

function takesOnlyTypes(clause: string, code: string, position: number): boolean {
  if (/^(?:import|export)\s+type\s/.test(clause)) return true;
  // `import("…").Name` in the place of a type.
  if (clause.includes("(")) {
    return /^"[^"]*"\)\.[A-Z]/.test(code.slice(position + clause.length).replaceAll(" ", ""));
  }
  const list = /^(?:import|export)\s*\{([^}]*)\}/.exec(clause)?.[1];
  if (list === undefined) return false;
  return list.split(",").every((item) => /^\s*(?:type\s|$)/.test(item));
}

/** The line, counted from 1, of a position in a text. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let index = text.indexOf("\n"); index !== -1 && index < position; line += 1) {
    index = text.indexOf("\n", index + 1);
  }
  return line;
}
