import { basename, dirname } from "node:path/posix";
import { isHandwritten } from "../source/project.ts";
import type { Project } from "../source/project.ts";
import type { Violation } from "../violation.ts";

const vagueNames = new Set([
  "utils",
  "util",
  "common",
  "helpers",
  "helper",
  "shared",
  "core",
  "lib",
  "types",
  "misc",
]);
const kebabFile = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*\.(?:ts|mjs)$/;
const kebabFolder = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*|__fixtures__)$/;
const ownFolders = /^(?:packages|services|test)\//;

/** Names say what a thing is about; "utils" says that nobody knew. */
export function vagueNameRule(project: Project): Violation[] {
  return [...project.files.keys()]
    .filter((path) => ownFolders.test(path) && isHandwritten(path))
    .flatMap((path) => {
      const parts = path.split("/");
      const stem = parts.pop()?.split(".")[0] ?? "";
      const vague = [...parts, stem].find((part) => vagueNames.has(part));
      const message = `"${vague}" says nothing → name it after what it is about`;
      return vague === undefined ? [] : [{ rule: "vague-name", path, message }];
    });
}

/** Files and folders of source code are named in kebab-case. */
export function kebabCaseRule(project: Project): Violation[] {
  return project.sources.flatMap(({ path }) => {
    const folders = dirname(path).split("/");
    const wrong = kebabFile.test(basename(path))
      ? folders.find((folder) => !kebabFolder.test(folder))
      : basename(path);
    const message = `"${wrong}" is not kebab-case → lower-case words joined by hyphens`;
    return wrong === undefined ? [] : [{ rule: "kebab-case", path, message }];
  });
}

/** A test stands beside the file it tests and bears its name (a longer name is fine). */
export function testsBesideCodeRule(project: Project): Violation[] {
  return project.sources
    .filter(({ path, isTest }) => isTest && /^(?:packages|services)\//.test(path))
    .filter(({ path }) => !path.includes("/conformance/"))
    .flatMap(({ path }) => {
      const folder = dirname(path);
      const stem = basename(path).split(".")[0] ?? "";
      const siblings = [...project.files.keys()]
        .filter((other) => dirname(other) === folder && !other.endsWith(".test.ts"))
        .map((other) => basename(other).split(".")[0] ?? "");
      const subjects = [...siblings, basename(folder)];
      if (subjects.some((name) => isAbout(stem, name))) return [];
      const message = `no ${stem}.ts beside it → name it after the file it tests, or move it to test/`;
      return [{ rule: "tests-beside-code", path, message }];
    });
}

// status.test.ts may test to-status.ts and from-status.ts at once.
function isAbout(stem: string, name: string): boolean {
  return stem === name || stem.startsWith(`${name}-`) || name.endsWith(`-${stem}`);
}

const allowedAtTop = new Set(
  [
    ["deploy", "packages", "proto", "services", "test"],
    ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "tsconfig.base.json"],
    ["README.md", "ARCHITECTURE.md", "STYLE.md", "CONTRIBUTING.md", "SECURITY.md", "CLAIMS.md"],
    ["VERIFIED.md", "LICENSE", ".ci", ".editorconfig", ".gitattributes", ".github", ".gitignore"],
    [".oxfmtrc.json", ".oxlintrc.json"],
  ].flat(),
);

/** The top of the repository is a fixed list; `names` are its files and folders. */
export function topLevelRule(names: readonly string[]): Violation[] {
  return names
    .filter((name) => !allowedAtTop.has(name))
    .map((name) => ({
      rule: "top-level",
      path: name,
      message: "not in the fixed list of the top level → put it into the room it belongs to",
    }));
}
