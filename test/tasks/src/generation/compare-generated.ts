import type { GeneratedFile } from "./api-index.ts";

/** One line per file that is missing, left over or different; empty when `actual` is up to date. */
export function compareGenerated(
  actual: readonly GeneratedFile[],
  expected: readonly GeneratedFile[],
): string[] {
  const textOf = new Map(actual.map((file) => [file.path, file.text]));
  const wanted = new Set(expected.map((file) => file.path));
  const problems = expected.flatMap((file) => {
    const text = textOf.get(file.path);
    if (text === undefined) return [`packages/api/${file.path} is missing`];
    return text === file.text ? [] : [`packages/api/${file.path} differs from proto/`];
  });
  const leftOver = actual
    .filter((file) => !wanted.has(file.path))
    .map((file) => `packages/api/${file.path} has no proto any more`);
  return [...problems, ...leftOver];
}
