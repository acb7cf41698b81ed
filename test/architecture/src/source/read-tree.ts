import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** The root of the repository, absolute. */
export const root = resolve(import.meta.dirname, "..", "..", "..", "..");

// What an install, a build or a run leaves behind; the same names as in .gitignore.
const notOurs = new Set([".git", ".penstock", ".types", "coverage", "dist", "node_modules"]);
const textFile = /(?:^|\/)(?:[A-Z]+|[^/]+\.(?:ts|mjs|json|yaml|md|proto|sql|sh))$/;
const maxTextBytes = 4 * 1024 * 1024;

/** All files below the root as path → text; files that are not text have an empty one. */
export function readTree(): Map<string, string> {
  return new Map(listFiles("").map((path) => [path, readText(path)]));
}

/** Names of the files and folders at the top, without what an install or a run leaves there. */
export function readTopLevel(): string[] {
  return readdirSync(root).filter((name) => !notOurs.has(name));
}

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !notOurs.has(entry.name) && !entry.name.endsWith(".tsbuildinfo"))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? listFiles(path) : [path];
    });
}

function readText(path: string): string {
  if (!textFile.test(path)) return "";
  const bytes = readFileSync(join(root, path));
  return bytes.length > maxTextBytes ? "" : bytes.toString("utf8");
}
