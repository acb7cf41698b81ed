import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** The root of the repository, absolute. */
export const root = resolve(import.meta.dirname, "..", "..", "..", "..");

/** Path of a program that an install links into node_modules/.bin. */
export function toolPath(name: string): string {
  return join(root, "node_modules", ".bin", name);
}

/** Folders of all workspaces that type-check, relative to the root, e.g. `packages/api`. */
export function workspaceFolders(): string[] {
  return ["packages", "services", "test"].flatMap((folder) =>
    readdirSync(join(root, folder))
      .map((name) => join(folder, name))
      .filter((path) => existsSync(join(root, path, "tsconfig.json"))),
  );
}
