import { fences, mayImport, pureRooms } from "../layers.ts";
import type { ImportLine } from "../source/scan-imports.ts";
import { packageOf, resolveImport, workspaceOf } from "../source/project.ts";
import type { Project, SourceFile } from "../source/project.ts";
import type { Violation } from "../violation.ts";

type ImportCheck = (file: SourceFile, line: ImportLine) => string | undefined;

function forEachImport(project: Project, rule: string, check: ImportCheck): Violation[] {
  return project.sources.flatMap((file) =>
    file.imports.flatMap((line) => {
      const message = check(file, line);
      return message === undefined ? [] : [{ rule, path: file.path, line: line.line, message }];
    }),
  );
}

/** Imports between workspaces point down or left only; services know only services/penstock. */
export function layerRule(project: Project): Violation[] {
  const folders = new Map(project.workspaces.map((one) => [one.name, one.folder]));
  return forEachImport(project, "layers", (file, line) => {
    const from = workspaceOf(file.path);
    const to = folders.get(packageOf(line.specifier) ?? "");
    if (from === "" || to === undefined || from.startsWith("test/") || from === to)
      return undefined;
    if (to.startsWith("test/")) {
      if (file.isTest && to === "test/support") return undefined;
      return `${from} imports ${to} → only tests may, and only @penstock/test-support`;
    }
    const allowed = mayImport[from];
    if (allowed === undefined) {
      return `${from} is in no layer → give it one in test/architecture/src/layers.ts`;
    }
    if (allowed.includes(to.split("/")[1] ?? "")) return undefined;
    const below = allowed.length === 0 ? "nothing" : allowed.join(", ");
    return `${from} may not import ${to} → it may import ${below}; pass the rest in as an argument`;
  });
}

function isTestRoom(file: SourceFile): boolean {
  return (
    file.isTest || file.path.startsWith("test/") || /\/(?:test|sample)-[\w-]+\.ts$/.test(file.path)
  );
}

/** A package is imported by its name, a file of one's own package by a path ending in .ts. */
export function packageBoundaryRule(project: Project): Violation[] {
  const names = new Set(project.workspaces.map((one) => one.name));
  return forEachImport(project, "package-boundary", (file, { specifier }) => {
    const name = packageOf(specifier);
    if (name !== undefined) {
      if (!names.has(name) || specifier === name) return undefined;
      // Conformance suites and test databases of a port; see ARCHITECTURE.md, Decisions.
      if (specifier === `${name}/testing` && isTestRoom(file)) return undefined;
      return `path into a package: "${specifier}" → import "${name}" and export it there in index.ts`;
    }
    if (!specifier.startsWith(".")) return undefined;
    const to = workspaceOf(resolveImport(file.path, specifier));
    if (to !== workspaceOf(file.path)) {
      return `relative import leaves the package: "${specifier}" → import it by its name`;
    }
    return /\.(?:ts|mjs|json)$/.test(specifier)
      ? undefined
      : `"${specifier}" → add the extension .ts`;
  });
}

/** One index.ts per package, at its root; names are exported one by one. */
export function namedExportsRule(project: Project): Violation[] {
  const misplaced = project.sources
    .filter(({ path }) => path.endsWith("/index.ts") && path !== `${workspaceOf(path)}/index.ts`)
    .map(({ path }) => ({
      rule: "one-index",
      path,
      message: `index.ts in a subfolder → export from ${workspaceOf(path)}/index.ts instead`,
    }));
  const stars = forEachImport(project, "named-exports", (_file, line) =>
    line.exportsAll ? `export * from "${line.specifier}" → name what is exported` : undefined,
  );
  return [...misplaced, ...stars];
}

/** Third parties live behind the rooms that own them. */
export function fenceRule(project: Project): Violation[] {
  return forEachImport(project, "fences", (file, line) => {
    if (!/^(?:packages|services)\//.test(file.path)) return undefined;
    const name = packageOf(line.specifier) ?? "";
    const fence = fences.find((one) => one.packages.test(name));
    if (fence === undefined || fence.rooms.test(file.path)) return undefined;
    if (line.typeOnly && fence.typesOnlyRooms?.test(file.path)) return undefined;
    return `${fence.what} ("${name}") outside of its room → move this code to ${fence.home}`;
  });
}

const impure: readonly [RegExp, string][] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bTemporal\.Now\b/g, "reads a clock"],
  [/\bMath\.random\(|\bcrypto\.|\brandomUUID\(/g, "draws randomness"],
  [/\bset(?:Timeout|Interval|Immediate)\(/g, "starts a timer"],
  [/(?<![.\w])fetch\(/g, "does I/O"],
];

/** Layer 1 is pure: no Node, no clock, no randomness, no I/O. */
export function purityRule(project: Project): Violation[] {
  const pureFiles = project.sources.filter(
    (file) => !file.isTest && pureRooms.some((room) => file.path.startsWith(room)),
  );
  const nodes = forEachImport({ ...project, sources: pureFiles }, "purity", (_file, line) =>
    line.specifier.startsWith("node:")
      ? `"${line.specifier}" in a pure package → pass the result in, or move this code to layer 2`
      : undefined,
  );
  const calls = pureFiles.flatMap((file) =>
    impure.flatMap(([pattern, what]) =>
      [...file.code.matchAll(pattern)].map((match) => ({
        rule: "purity",
        path: file.path,
        line: file.code.slice(0, match.index).split("\n").length,
        message: `${match[0]} ${what} in a pure package → take it as an argument`,
      })),
    ),
  );
  return [...nodes, ...calls];
}
