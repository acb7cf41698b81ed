import type { Exclusion } from "@penstock/errors";

/** A candidate that did not answer, as error bodies of every compatible API tell of it. */
export function writeExclusion(exclusion: Exclusion): Record<string, unknown> {
  const { deployment, rule, reason, untilTimeMs } = exclusion;
  const until = untilTimeMs === undefined ? undefined : new Date(untilTimeMs).toISOString();
  return { deployment, rule, reason, until };
}
