/** One thing that is wrong in a manifest, and where. */
export interface ManifestProblem {
  /** As given on the command line; `-` is standard input. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Field path inside the resource, such as `targets[0].deployment`; empty for the whole. */
  readonly path: string;
  /** What is wrong, as the end of a sentence that begins with the path. */
  readonly description: string;
}

/** `routes.yaml:12: targets[0].deployment is not a name of the form deployments/<id>`. */
export function formatProblem(problem: ManifestProblem): string {
  const { file, line, path, description } = problem;
  return `${file}:${line}: ${path === "" ? "" : `${path} `}${description}`;
}

/** By file in the order given, then by line. */
export function sortProblems(
  problems: readonly ManifestProblem[],
  files: readonly string[],
): ManifestProblem[] {
  const rank = (problem: ManifestProblem): number => files.indexOf(problem.file);
  return problems.toSorted((a, b) => rank(a) - rank(b) || a.line - b.line);
}
