import type { ManifestProblem } from "./manifest-problem.ts";
import { sortProblems } from "./manifest-problem.ts";
import type { Manifest, ManifestResource } from "./read-manifest.ts";
import { readManifest, unreadFile } from "./read-manifest.ts";

/** One text to read and what to call it. */
export interface ManifestText {
  readonly file: string;
  readonly text: string;
  /** Why the file could not be read, as the end of a sentence; then the text is empty. */
  readonly unread?: string;
}

/** Reads several files as one; a resource that is given twice is a problem. */
export function readManifests(texts: readonly ManifestText[]): Manifest {
  const parts = texts.map(({ text, file, unread }) =>
    unread === undefined ? readManifest(text, file) : unreadFile(file, unread),
  );
  const resources = parts.flatMap((part) => part.resources);
  const problems = [...parts.flatMap((part) => part.problems), ...findDuplicates(resources)];
  const files = texts.map(({ file }) => file);
  return {
    resources,
    problems: sortProblems(problems, files),
    unreadNames: new Set(parts.flatMap((part) => [...part.unreadNames])),
    severalIn: new Set(parts.flatMap((part) => [...part.severalIn])),
  };
}

function findDuplicates(resources: readonly ManifestResource[]): ManifestProblem[] {
  const first = new Map<string, ManifestResource>();
  return resources.flatMap((resource) => {
    const { file, document, name } = resource;
    const other = first.get(name);
    if (other === undefined || name === "") {
      first.set(name, resource);
      return [];
    }
    const description = `${name} is given already in ${other.file}:${other.line}`;
    const { line } = resource.places.find("name");
    return [{ file, document, line, name, path: "name", description }];
  });
}
