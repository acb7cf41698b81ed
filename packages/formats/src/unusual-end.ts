import { FinishReason, type CandidateFinish } from "@penstock/api";

/** Longest word of a provider that is repeated. Unit: characters. */
const longestWord = 64;
const none: readonly string[] = [];

/**
 * What the caller should know of ends for which its format may have no word, so that the answer looks
 * complete: the provider's own word for each.
 */
export function unusualEnds(candidates: readonly CandidateFinish[]): readonly string[] {
  if (!candidates.some(isUnusual)) return none;
  return candidates
    .filter(isUnusual)
    .map(({ rawReason }) => `unusual_end: the provider says ${rawReason.slice(0, longestWord)}`);
}

function isUnusual({ reason }: CandidateFinish): boolean {
  return reason === FinishReason.OTHER;
}
