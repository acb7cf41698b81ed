import type { Transcript } from "@penstock/test-support";

/** Tries before a quota service counts as gone. */
const mostTries = 20;

/**
 * Asks until quota has decided. A request that waited 150 ms for quota's answer is neither admitted
 * nor refused by its limit but told to come again, which a busy machine may bring about.
 */
export async function decided(ask: () => Promise<Transcript>): Promise<Transcript> {
  for (let left = mostTries; ; left -= 1) {
    const transcript = await ask();
    if (transcript.error?.reason !== "QUOTA_UNAVAILABLE" || left === 0) return transcript;
  }
}

/** How many of them got an answer. */
export function admitted(transcripts: readonly Transcript[]): number {
  return transcripts.filter(({ end }) => end === "complete").length;
}
