/** Lower quartile: other work on the machine only adds, so this is the figure to quote. */
export function lowerQuartile(values: readonly number[]): number {
  return at(values, 0.25);
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return at(values, 0.5);
}

/** The value below which a share of the values lies; NaN of none. */
export function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
