/** The parts of `google.protobuf.Duration` and `google.protobuf.Timestamp`. */
export interface DurationParts {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** The span of time that protobuf allows in a timestamp: years 1 to 9999. Unit: seconds. */
const earliestSeconds = -62_135_596_800n;
const latestSeconds = 253_402_300_799n;

/** Milliseconds of a duration, with fractions; NaN when its parts do not fit each other. */
export function durationMs({ seconds, nanos }: DurationParts): number {
  if (Math.abs(nanos) > 999_999_999 || !Number.isInteger(nanos)) return Number.NaN;
  if ((seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0)) return Number.NaN;
  return Number(seconds) * 1_000 + nanos / 1_000_000;
}

/** Wall time of a timestamp in milliseconds; NaN when it is none. */
export function timestampMs({ seconds, nanos }: DurationParts): number {
  const inRange = seconds >= earliestSeconds && seconds <= latestSeconds;
  if (!inRange || nanos < 0 || nanos > 999_999_999) return Number.NaN;
  return Number(seconds) * 1_000 + nanos / 1_000_000;
}

/** Wall time of an optional timestamp in milliseconds; Infinity when it is absent. */
export function timestampOrNeverMs(timestamp: DurationParts | undefined): number {
  return timestamp === undefined ? Number.POSITIVE_INFINITY : timestampMs(timestamp);
}
