import { readProject, type Project } from "./project.ts";

/** A project of the given files, for tests of rules; folders of packages need a package.json. */
export function madeUpProject(files: Readonly<Record<string, string>>): Project {
  return readProject(new Map(Object.entries(files)));
}

/** Text of a package.json with the given dependencies. */
export function manifest(name: string, dependencies: Record<string, string> = {}): string {
  return JSON.stringify({ name, dependencies }, undefined, 2);
}
