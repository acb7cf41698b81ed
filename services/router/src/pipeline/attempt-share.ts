import type { AttemptTimeouts } from "@penstock/snapshot";

/**
 * The timers of an attempt behind which others are still possible: it may wait for its first
 * content for the part of the time left that leaves as much again for each of the others, plus one
 * part more for itself. Of 30 s and two further attempts it has the half, of one two thirds. Those
 * behind it get what it has not used. An answer that has begun keeps the whole time.
 */
export function shareDeadline(
  timeouts: AttemptTimeouts,
  remainingMs: number,
  othersPossible: number,
): AttemptTimeouts {
  if (othersPossible <= 0) return timeouts;
  const shareMs = (Math.max(0, remainingMs) * 2) / (othersPossible + 2);
  if (timeouts.firstTokenMs <= shareMs && timeouts.answerMs <= shareMs) return timeouts;
  return {
    ...timeouts,
    firstTokenMs: Math.min(timeouts.firstTokenMs, shareMs),
    answerMs: Math.min(timeouts.answerMs, shareMs),
  };
}
