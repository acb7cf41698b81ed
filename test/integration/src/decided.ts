import { setTimeout as delay } from "node:timers/promises";
import type { Transcript } from "@penstock/test-support";

/** Tries before a quota service counts as gone, and the pause between them. */
const mostTries = 100;
const pauseMs = 50;

/**
 * Asks until quota has decided. A request that waited 150 ms for quota's answer is neither admitted
 * nor refused by its limit but told to come again, which a busy machine may bring about.
 */
export async function decided(ask: () => Promise<Transcript>): Promise<Transcript> {
  for (let left = mostTries; ; left -= 1) {
    const transcript = await ask();
    if (transcript.error?.reason !== "QUOTA_UNAVAILABLE" || left === 0) return transcript;
    await delay(pauseMs);
  }
}

/** How many of them got an answer. */
export function admitted(transcripts: readonly Transcript[]): number {
  return transcripts.filter(({ end }) => end === "complete").length;
}
