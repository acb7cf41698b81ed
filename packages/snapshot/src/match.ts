/** Whether `model` fits `pattern`: the same name, or a pattern ending in `*` that begins it. */
export function matchesModel(pattern: string, model: string): boolean {
  if (!pattern.endsWith("*")) return pattern === model;
  return model.startsWith(pattern.slice(0, -1));
}

/** Whether the labels of a request carry all wanted ones. */
export function labelsFit(
  wanted: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const key of Object.keys(wanted)) {
    if (!Object.hasOwn(labels, key) || labels[key] !== wanted[key]) return false;
  }
  return true;
}

/**
 * Order of patterns by how specific they are, the most specific first: exact names before those
 * ending in `*`, among these the longer first.
 */
export function comparePatterns(first: string, second: string): number {
  const firstOpen = first.endsWith("*");
  if (firstOpen !== second.endsWith("*")) return firstOpen ? 1 : -1;
  return firstOpen ? second.length - first.length : 0;
}

/** One function for many patterns: whether a model fits any of them. */
export function compileModelMatcher(patterns: readonly string[]): (model: string) => boolean {
  const exact = new Set<string>();
  const prefixes: string[] = [];
  for (const pattern of patterns) {
    if (pattern.endsWith("*")) prefixes.push(pattern.slice(0, -1));
    else exact.add(pattern);
  }
  return (model) => exact.has(model) || prefixes.some((prefix) => model.startsWith(prefix));
}

/** Order of texts by their UTF-16 units: the same on every machine, whatever its language. */
export function compareText(first: string, second: string): number {
  if (first === second) return 0;
  return first < second ? -1 : 1;
}
