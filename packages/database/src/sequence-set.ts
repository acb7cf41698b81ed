/**
 * Which numbers from 1 on were seen: all up to `contiguous`, and the ranges `[first, last]` beyond
 * it, in order, apart from each other.
 */
export interface SequenceSet {
  readonly contiguous: bigint;
  readonly beyond: readonly (readonly [bigint, bigint])[];
}

/** Nothing was seen. */
export const noSequences: SequenceSet = { contiguous: 0n, beyond: [] };

/**
 * Ranges kept beyond a gap. What does not fit is forgotten, from the far end: it is never
 * confirmed then, so its router sends it again.
 */
export const maximumRanges = 1_000;

/**
 * The set with more numbers, in any order; numbers below 1 and those seen already are ignored.
 * `firstHeld`: nobody has a number before it any more, so none of those is waited for.
 */
export function addSequences(
  set: SequenceSet,
  numbers: readonly bigint[],
  firstHeld = 0n,
): SequenceSet {
  const added = numbers
    .filter((number) => number > set.contiguous)
    .map((number) => [number, number] as const);
  if (firstHeld > set.contiguous + 1n) added.push([set.contiguous + 1n, firstHeld - 1n]);
  if (added.length === 0) return set;
  const sorted = [...set.beyond, ...added].toSorted((a, b) => (a[0] < b[0] ? -1 : 1));
  let contiguous = set.contiguous;
  const beyond: [bigint, bigint][] = [];
  for (const [first, last] of sorted) {
    const before = beyond.at(-1);
    if (first <= contiguous + 1n) contiguous = last > contiguous ? last : contiguous;
    else if (before !== undefined && first <= before[1] + 1n) {
      before[1] = last > before[1] ? last : before[1];
    } else beyond.push([first, last]);
  }
  return { contiguous, beyond: beyond.slice(0, maximumRanges) };
}

/** How many numbers before `firstHeld` were never seen. */
export function countMissing({ contiguous, beyond }: SequenceSet, firstHeld: bigint): bigint {
  if (firstHeld <= contiguous + 1n) return 0n;
  const seen = beyond.reduce((sum, [first, last]) => {
    const end = last < firstHeld ? last : firstHeld - 1n;
    return end < first ? sum : sum + end - first + 1n;
  }, 0n);
  return firstHeld - 1n - contiguous - seen;
}
