import { durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { RatingState } from "@penstock/api";
import type { Attempt, UsageEvent } from "@penstock/api";
import { checkTokenCounts, rateUsage } from "@penstock/pricing";

import type { PriceHistory } from "./price-history.ts";

/** What rating an event again gave. */
export interface VerifiedRating {
  readonly state: RatingState;
  /** Sum over the attempts as rated again; undefined: not rated again, or one has no price. */
  readonly costNanoUsd: bigint | undefined;
}

/**
 * Repeats the rating of the router with the prices of the revision that it used. A difference is
 * told, never corrected: what was charged stays charged until somebody adjusts it.
 */
export function verifyRating(
  event: UsageEvent,
  history: Pick<PriceHistory, "find">,
): VerifiedRating {
  const used = event.attempts.filter((attempt) => attempt.usage !== undefined);
  if (used.length === 0) {
    const nothing = event.costNanoUsd === undefined || event.costNanoUsd === 0n;
    return nothing
      ? { state: RatingState.UNPRICED, costNanoUsd: undefined }
      : { state: RatingState.DIFFERENT, costNanoUsd: 0n };
  }
  let sum: bigint | undefined = 0n;
  let priced = false;
  for (const attempt of used) {
    const rated = rateAttempt(event, attempt, history);
    if (rated === "unknown") {
      return { state: RatingState.NOT_VERIFIED, costNanoUsd: undefined };
    }
    priced ||= rated !== undefined || attempt.costNanoUsd !== undefined;
    sum = sum === undefined || rated === undefined ? undefined : sum + rated;
  }
  if (!priced) return { state: RatingState.UNPRICED, costNanoUsd: undefined };
  const same = sum === event.costNanoUsd;
  return { state: same ? RatingState.VERIFIED : RatingState.DIFFERENT, costNanoUsd: sum };
}

/** The cost of an attempt; undefined: it has no price; unknown: nobody remembers its prices. */
function rateAttempt(
  event: UsageEvent,
  attempt: Attempt,
  history: Pick<PriceHistory, "find">,
): bigint | undefined | "unknown" {
  const deployment = history.find(attempt.deployment, event.priceBookRevision);
  const known =
    deployment !== undefined &&
    deployment.model === attempt.model &&
    deployment.priceBook === attempt.priceBook;
  if (!known || event.startTime === undefined) return "unknown";
  const counts = checkTokenCounts({ ...attempt.usage }).counts;
  const startMs = timestampMs(event.startTime);
  const offsetMs = attempt.startOffset === undefined ? 0 : durationMs(attempt.startOffset);
  // A price may change between the start of a request and that of an attempt: either is right.
  const [first, second] = [startMs, startMs + offsetMs].map((atMs) => {
    const prices = deployment.pricesAt(atMs);
    return prices === undefined ? undefined : rateUsage(counts, prices, attempt.serviceTier);
  });
  return second === attempt.costNanoUsd ? second : first;
}
