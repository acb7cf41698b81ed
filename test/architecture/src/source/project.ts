import { dirname, join } from "node:path/posix";
import { scanImports, type ImportLine } from "./scan-imports.ts";
import { splitSource, type SplitSource } from "./split-source.ts";

/** One handwritten TypeScript or JavaScript file. */
export interface SourceFile extends SplitSource {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly imports: readonly ImportLine[];
  readonly isTest: boolean;
}

/** One workspace: a folder of packages/, services/ or test/ with a package.json. */
export interface Workspace {
  /** Relative to the root, e.g. `packages/bus`. */
  readonly folder: string;
  /** E.g. `@penstock/bus`. */
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The repository as the rules see it: every file's text by path, and what was read from it. */
export interface Project {
  readonly files: ReadonlyMap<string, string>;
  readonly sources: readonly SourceFile[];
  readonly workspaces: readonly Workspace[];
}

/** Generated code and recorded examples are nobody's handwriting: rules of style skip them. */
export function isHandwritten(path: string): boolean {
  const generated = path.startsWith("packages/api/src/gen/") || path === "packages/api/index.ts";
  return !generated && !path.includes("/__fixtures__/");
}

/** Reads a tree of files (path → text), real or made up for a test. */
export function readProject(files: ReadonlyMap<string, string>): Project {
  const sources = [...files]
    .filter(([path]) => /\.(?:ts|mjs)$/.test(path) && isHandwritten(path))
    .map(([path, text]) => readSource(path, text));
  return { files, sources, workspaces: readWorkspaces(files) };
}

function readSource(path: string, text: string): SourceFile {
  const split = splitSource(text);
  return { ...split, path, imports: scanImports(split), isTest: path.endsWith(".test.ts") };
}

function readWorkspaces(files: ReadonlyMap<string, string>): Workspace[] {
  return [...files]
    .filter(([path]) => /^(?:packages|services|test)\/[^/]+\/package\.json$/.test(path))
    .map(([path, text]) => {
      const manifest = JSON.parse(text) as Partial<Workspace>;
      return {
        folder: dirname(path),
        name: manifest.name ?? "",
        dependencies: manifest.dependencies ?? {},
        devDependencies: manifest.devDependencies ?? {},
      };
    });
}

/** The folder of the workspace a path lies in, e.g. `services/router`; empty when in none. */
export function workspaceOf(path: string): string {
  const match = /^(?:packages|services|test)\/[^/]+(?=\/)/.exec(path);
  return match?.[0] ?? "";
}

/** The path a relative import points at. */
export function resolveImport(from: string, specifier: string): string {
  return join(dirname(from), specifier);
}

/** The name of the npm package of an import: `pg`, `@grpc/grpc-js`; undefined for files and Node. */
export function packageOf(specifier: string): string | undefined {
  if (/^(?:\.|\/|node:)/.test(specifier)) return undefined;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
}
