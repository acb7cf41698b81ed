import type { Timeouts } from "@penstock/api";

import { durationMs } from "../duration.ts";
import type { DurationParts } from "../duration.ts";
import type { ProblemList } from "./field-problem.ts";

const shortestTimeoutMs = 10;
const longestTimeoutMs = 3_600_000;

/** Checks timers: each from 10 ms to 1 h. */
export function checkTimeouts(problems: ProblemList, timeouts: Timeouts | undefined): void {
  if (timeouts === undefined) return;
  const { connect, firstToken, progress, attempt, total } = timeouts;
  for (const [name, timeout] of Object.entries({ connect, firstToken, progress, attempt, total })) {
    checkDuration(problems, `timeouts.${name}`, timeout, [shortestTimeoutMs, longestTimeoutMs]);
  }
}

/** Checks an optional duration. Bounds in milliseconds, both included. */
export function checkDuration(
  problems: ProblemList,
  field: string,
  duration: DurationParts | undefined,
  [shortestMs, longestMs]: readonly [number, number],
): void {
  if (duration === undefined) return;
  const lengthMs = durationMs(duration);
  if (lengthMs >= shortestMs && lengthMs <= longestMs) return;
  problems.invalid(field, `must be from ${shortestMs} ms to ${longestMs} ms`);
}
