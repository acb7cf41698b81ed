import type { ManifestProblem } from "./manifest-problem.ts";
import { sortProblems } from "./manifest-problem.ts";
import type { Manifest, ManifestResource } from "./read-manifest.ts";
import { readManifest } from "./read-manifest.ts";

/** One text to read and what to call it. */
export interface ManifestText {
  readonly file: string;
  readonly text: string;
}

/** Reads several files as one; a resource that is given twice is a problem. */
export function readManifests(texts: readonly ManifestText[]): Manifest {
  const parts = texts.map(({ text, file }) => readManifest(text, file));
  const resources = parts.flatMap((part) => part.resources);
  const problems = [...parts.flatMap((part) => part.problems), ...findDuplicates(resources)];
  const files = texts.map(({ file }) => file);
  return {
    resources,
    problems: sortProblems(problems, files),
    unreadable: parts.reduce((sum, part) => sum + part.unreadable, 0),
  };
}

function findDuplicates(resources: readonly ManifestResource[]): ManifestProblem[] {
  const first = new Map<string, ManifestResource>();
  return resources.flatMap((resource) => {
    const other = first.get(resource.name);
    if (other === undefined) {
      first.set(resource.name, resource);
      return [];
    }
    const description = `${resource.name} is given already in ${other.file}:${other.line}`;
    const { line } = resource.places.find("name");
    return [{ file: resource.file, line, path: "name", description }];
  });
}
