/** One thing that is wrong in a manifest, and where. */
export interface ManifestProblem {
  /** As given on the command line; `-` is standard input. */
  readonly file: string;
  /** Place of the document in the file, from 1; 0: the file as a whole. */
  readonly document: number;
  /** From 1; 0: not known. */
  readonly line: number;
  /** Resource name that the document has, as far as it could be seen; else empty. */
  readonly name: string;
  /** Field path inside the resource, such as `targets[0].deployment`; empty for the whole. */
  readonly path: string;
  /** What is wrong, as the end of a sentence that begins with the path. */
  readonly description: string;
}

/** `routes.yaml:12: targets[0].deployment is not a name of the form deployments/<id>`. */
export function formatProblem(problem: ManifestProblem): string {
  return `${placeOf(problem)}: ${sentenceOf(problem)}`;
}

/** The same with the document, for files of several: `routes.yaml:12: document 2, routes/a: …`. */
export function formatInDocument(problem: ManifestProblem): string {
  const { document, name } = problem;
  if (document === 0) return formatProblem(problem);
  const which = name === "" ? `document ${document}` : `document ${document}, ${name}`;
  return `${placeOf(problem)}: ${which}: ${sentenceOf(problem)}`;
}

/** By file in the order given, then by line. */
export function sortProblems(
  problems: readonly ManifestProblem[],
  files: readonly string[],
): ManifestProblem[] {
  const rank = (problem: ManifestProblem): number => files.indexOf(problem.file);
  return problems.toSorted((a, b) => rank(a) - rank(b) || a.line - b.line);
}

function placeOf({ file, line }: ManifestProblem): string {
  return line === 0 ? file : `${file}:${line}`;
}

function sentenceOf({ path, description }: ManifestProblem): string {
  return path === "" ? description : `${path} ${description}`;
}
