/**
 * Wall time in milliseconds with fractions, for the times of spans. It is the monotonic clock on
 * top of the process's start, so that the spans of one process never end before they start.
 */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
