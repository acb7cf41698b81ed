import { relative } from "node:path/posix";
import { packageOf, workspaceOf } from "../source/project.ts";
import type { Project, Workspace } from "../source/project.ts";
import type { Violation } from "../violation.ts";

/** The tsconfig of a workspace references exactly the workspaces its package.json depends on. */
export function referencesRule(project: Project): Violation[] {
  const folderOf = new Map(project.workspaces.map((one) => [one.name, one.folder]));
  return project.workspaces.flatMap((workspace) => {
    const path = `${workspace.folder}/tsconfig.json`;
    const text = project.files.get(path);
    if (text === undefined) {
      return [
        { rule: "references", path, message: "is missing → every workspace is type-checked" },
      ];
    }
    const { references = [] } = JSON.parse(text) as { references?: { path: string }[] };
    const actual = new Set(references.map((one) => one.path));
    const wanted = new Set(
      namesOf(workspace).flatMap((name) => {
        const folder = folderOf.get(name);
        return folder === undefined ? [] : [relative(workspace.folder, folder)];
      }),
    );
    const normalized = new Set([...actual].map((one) => fromRoot(workspace.folder, one)));
    return [
      ...[...wanted]
        .filter((one) => !normalized.has(fromRoot(workspace.folder, one)))
        .map((one) => ({
          rule: "references",
          path,
          message: `lacks ${one} → add it to references`,
        })),
      ...[...actual]
        .filter(
          (one) =>
            ![...wanted].some(
              (want) => fromRoot(workspace.folder, want) === fromRoot(workspace.folder, one),
            ),
        )
        .map((one) => ({
          rule: "references",
          path,
          message: `references ${one}, no dependency of package.json → remove it or declare it`,
        })),
    ];
  });
}

function fromRoot(folder: string, path: string): string {
  return new URL(path.endsWith("/") ? path : `${path}/`, `file:///${folder}/`).pathname;
}

function namesOf(workspace: Workspace): string[] {
  return Object.keys({ ...workspace.dependencies, ...workspace.devDependencies });
}

/** Every third party of a package.json is used by its package, and every one used is declared. */
export function dependencyRule(project: Project): Violation[] {
  const own = new Set(project.workspaces.map((one) => one.name));
  return project.workspaces.flatMap((workspace) => {
    const path = `${workspace.folder}/package.json`;
    const imported = importedBy(project, workspace.folder);
    const declared = namesOf(workspace);
    const unused = declared
      .filter((name) => !own.has(name) && !imported.has(name.replace(/^@types\//, "")))
      .map((name) => ({ rule: "dependencies", path, message: `${name} is not used → remove it` }));
    const undeclared = [...imported]
      .filter((name) => name !== "vitest" && name !== workspace.name && !declared.includes(name))
      .map((name) => ({ rule: "dependencies", path, message: `${name} is not declared → add it` }));
    return [...unused, ...undeclared, ...versionsOutsideOfCatalog(workspace, own)];
  });
}

function importedBy(project: Project, folder: string): Set<string> {
  const generated = [...project.files]
    .filter(([path]) => path.startsWith(`${folder}/src/gen/`))
    .flatMap(([, text]) =>
      [...text.matchAll(/ from "([^".][^"]*)"/g)].map((match) => match[1] ?? ""),
    );
  const handwritten = project.sources
    .filter((file) => workspaceOf(file.path) === folder)
    .flatMap((file) => file.imports.map((line) => line.specifier));
  const names = [...generated, ...handwritten].map(packageOf);
  return new Set(names.filter((name) => name !== undefined));
}

function versionsOutsideOfCatalog(workspace: Workspace, own: ReadonlySet<string>): Violation[] {
  return Object.entries({ ...workspace.dependencies, ...workspace.devDependencies })
    .filter(([name, version]) => version !== (own.has(name) ? "workspace:*" : "catalog:"))
    .map(([name, version]) => ({
      rule: "dependencies",
      path: `${workspace.folder}/package.json`,
      message: `${name} is "${version}" → ${own.has(name) ? "workspace:*" : "catalog: (one version for all)"}`,
    }));
}

/** Every version in the catalog is used by some package.json. */
export function catalogRule(project: Project): Violation[] {
  const path = "pnpm-workspace.yaml";
  const lines = (project.files.get(path) ?? "").split("\n");
  const start = lines.indexOf("catalog:");
  const length = lines.slice(start + 1).findIndex((line) => !line.startsWith("  "));
  const manifests = [...project.files].filter(([file]) => file.endsWith("package.json"));
  const used = new Set(
    manifests.flatMap(([, text]) =>
      [...text.matchAll(/"([^"]+)": "catalog:"/g)].map((match) => match[1] ?? ""),
    ),
  );
  return lines.slice(start + 1, start + 1 + Math.max(0, length)).flatMap((line, index) => {
    const name = /^ {2}"?([^":]+)"?:/.exec(line)?.[1];
    if (name === undefined || used.has(name)) return [];
    const message = `${name} is used by no package.json → remove it from the catalog`;
    return [{ rule: "catalog", path, line: start + 2 + index, message }];
  });
}
