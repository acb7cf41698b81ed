import { basename } from "node:path/posix";
import { resolveImport, workspaceOf } from "../source/project.ts";
import type { Project, SourceFile } from "../source/project.ts";
import type { Violation } from "../violation.ts";

const entries = [
  /^[^/]+\/[^/]+\/(?:index|testing)\.ts$/,
  /^services\/[^/]+\/src\/main\.ts$/,
  /^services\/penstock\/bin\/penstock\.mjs$/,
  /^test\/tasks\/src\/[^/]+\.ts$/,
  /^test\/vitest\.config\.ts$/,
  /^test\/.+\.setup\.ts$/,
  /^deploy\/[^/]+\.mjs$/,
];

/**
 * Every file is reached from an entry: a package's index.ts, a service's main.ts, a task, a program
 * of deploy/, what vitest starts before tests (*.setup.ts), or a test other than the file's own
 * (what only its own test uses, nobody needs).
 */
export function deadFileRule(project: Project): Violation[] {
  const byPath = new Map(project.sources.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const waiting = project.sources.filter(
    (file) => file.isTest || entries.some((entry) => entry.test(file.path)),
  );
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file.path)) continue;
    reached.add(file.path);
    const next = targetsOf(file, project.sources).filter((path) => path !== subjectOf(file));
    waiting.push(...next.flatMap((path) => byPath.get(path) ?? []));
  }
  return project.sources
    .filter((file) => !reached.has(file.path) && !file.path.endsWith(".d.ts"))
    .map(({ path }) => ({
      rule: "dead-file",
      path,
      message: "nothing reaches it (its own test aside) → import it or delete it",
    }));
}

function subjectOf(file: SourceFile): string | undefined {
  return file.isTest ? file.path.replace(/\.test\.ts$/, ".ts") : undefined;
}

// Workers are started by a path in a string, which may leave the extension to a placeholder: a
// file whose name a literal ends with counts as reached.
function targetsOf(file: SourceFile, sources: readonly SourceFile[]): string[] {
  const imported = file.imports
    .filter((line) => line.specifier.startsWith("."))
    .map((line) => resolveImport(file.path, line.specifier));
  const named = new Set(
    [...file.original.matchAll(/["'`/]([\w-]+)(?:\.(?:ts|mjs)["'`]|\$\{)/g)].map(
      (match) => match[1],
    ),
  );
  const started = sources
    .map(({ path }) => path)
    .filter((path) => workspaceOf(path) === workspaceOf(file.path))
    .filter((path) => named.has(basename(path).replace(/\.(?:ts|mjs)$/, "")))
    .filter((path) => !file.imports.some((line) => line.specifier.endsWith(basename(path))));
  return [...imported, ...started];
}
