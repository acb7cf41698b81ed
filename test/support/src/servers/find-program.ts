import { accessSync, constants, readdirSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { readEnvironmentVariable } from "@penstock/runtime";

const debianPostgres = "/usr/lib/postgresql";

/** The path of a program on PATH (and in `/usr/sbin`, where Debian puts servers). */
export function findProgram(
  name: string,
  furtherFolders: readonly string[] = [],
): string | undefined {
  const folders = (readEnvironmentVariable("PATH") ?? "").split(delimiter);
  for (const folder of [...folders, "/usr/sbin", "/usr/local/sbin", ...furtherFolders]) {
    const path = join(folder, name);
    // Where a link leads to, because a program's companions are beside it, not beside the link.
    if (folder !== "" && isExecutable(path)) return realpathSync(path);
  }
  return undefined;
}

/** Debian keeps PostgreSQL's programs in a folder per version; newest first. */
export function postgresFolders(): string[] {
  try {
    const versions = readdirSync(debianPostgres).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(debianPostgres, version, "bin"));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
