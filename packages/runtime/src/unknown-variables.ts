import { fileSuffix } from "./env-file.ts";

/** A variable that looks like a setting and is none. */
export interface UnknownVariable {
  readonly name: string;
  /** The setting that was probably meant; undefined where none is near. */
  readonly nearest: string | undefined;
}

/** What is looked for. */
export interface UnknownVariablesOptions {
  /** With what the names of settings begin, such as `PENSTOCK_`. */
  readonly prefix: string;
  /** All settings; each may end in `_FILE`, too. */
  readonly known: readonly string[];
}

/**
 * The variables with the prefix that are no settings, in the order of their names. Empty ones count
 * as absent. What Kubernetes sets in every container of a namespace for a Service whose name begins
 * alike (`PENSTOCK_SERVICE_HOST`, `PENSTOCK_QUOTA_PORT_8082_TCP`) is nobody's mistake, and left out.
 */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
  { prefix, known }: UnknownVariablesOptions,
): UnknownVariable[] {
  const names = new Set(known.flatMap((name) => [name, name + fileSuffix]));
  return Object.entries(environment)
    .filter(([name, text]) => name.startsWith(prefix) && !names.has(name) && Boolean(text))
    .filter(([name, text]) => !isServiceLink(name, text))
    .map(([name]) => ({ name, nearest: nearestOf(name, names) }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

const linkName = /_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?$/;

function isServiceLink(name: string, text: string | undefined): boolean {
  return (
    linkName.test(name) || (name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(text ?? ""))
  );
}

/** Beyond this length a name is no typo, and comparing it costs time. */
const longestName = 100;
/** So many letters of a name may be wrong at most: 6 differ in almost any two. */
const mostMistakes = 5;

function nearestOf(name: string, candidates: ReadonlySet<string>): string | undefined {
  if (name.length > longestName) return undefined;
  let nearest: string | undefined;
  let least = mostMistakes + 1;
  for (const candidate of candidates) {
    const mistakes = mistakesBetween(name, candidate);
    if (mistakes >= least) continue;
    nearest = candidate;
    least = mistakes;
  }
  return nearest;
}

/** Letters that are missing, wrong, too many, or in each other's place (optimal alignment). */
function mistakesBetween(left: string, right: string): number {
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      line[column] = Math.min(
        at(above, column) + 1,
        at(line, column - 1) + 1,
        at(above, column - 1) + (isSame ? 0 : 1),
        isSwapped ? at(before, column - 2) + 1 : Infinity,
      );
    }
    before = above;
    above = line;
  }
  return at(above, right.length);
}

function at(line: readonly number[], column: number): number {
  return line[column] ?? Infinity;
}
