import type { Hedging } from "@penstock/api";

import { durationMs } from "./duration.ts";
import type { DurationParts } from "./duration.ts";
import type { CompiledHedging } from "./snapshot.ts";

// reliability §2.4: after the target's P95, at least 300 ms, at most 2 % extra calls.
const defaultMinDelayMs = 300;
const defaultPercentile = 95;
const defaultMaxShare = 0.02;
/** As long as a first content may take by default (decisions §4): no hint that anything is slow. */
const defaultMaxDelayMs = 60_000;

/** Reads when a second target is asked, with the defaults in place. */
export function readHedging(hedging: Hedging): CompiledHedging {
  const minDelayMs = millisecondsOf(hedging.minDelay, defaultMinDelayMs);
  return {
    minDelayMs,
    maxDelayMs: millisecondsOf(hedging.maxDelay, Math.max(minDelayMs, defaultMaxDelayMs)),
    quantile: (hedging.percentile ?? defaultPercentile) / 100,
    maxShare: hedging.maxShare ?? defaultMaxShare,
  };
}

function millisecondsOf(duration: DurationParts | undefined, defaultMs: number): number {
  return duration === undefined ? defaultMs : durationMs(duration);
}
