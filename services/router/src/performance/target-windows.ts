import { quantile, stepCount, stepOf } from "./log-histogram.ts";

/** Upper bound of the first step of times. Unit: milliseconds. */
const lowestTimeMs = 1;
/** Upper bound of the first step of speeds. Unit: tokens per second. */
const lowestSpeed = 0.5;

/** The windows: how far each reaches back and in how many parts. 57 parts in all, 19 KB a target. */
const shapes = [
  { lengthMs: 60_000, parts: 6 },
  { lengthMs: 900_000, parts: 15 },
  { lengthMs: 3_600_000, parts: 12 },
  { lengthMs: 86_400_000, parts: 24 },
] as const;

const failuresAt = 1;
const timesAt = 2;
const speedsAt = timesAt + stepCount;
const partSize = speedsAt + stepCount;

/** One attempt that says something about its target. */
export interface ObservedAttempt {
  readonly failed: boolean;
  /** From its start to its first content. Unit: milliseconds. Undefined: there was none. */
  readonly firstTokenMs: number | undefined;
  /** Undefined: not streamed, or too short to tell. */
  readonly tokensPerSecond: number | undefined;
}

/** How a target did in one window. */
export interface WindowSummary {
  readonly lengthMs: number;
  readonly attempts: number;
  readonly failures: number;
  readonly firstTokenP50Ms: number | undefined;
  readonly firstTokenP95Ms: number | undefined;
  readonly tokensPerSecondP50: number | undefined;
  readonly tokensPerSecondP95: number | undefined;
}

interface Ring {
  readonly lengthMs: number;
  readonly parts: number;
  /** Which part of time each place holds now. */
  readonly numbers: Float64Array;
  readonly counts: Uint32Array;
}

/**
 * What one target did in the last minute, quarter of an hour, hour and day: rings of parts that are
 * written over, so that memory is fixed. A window ends now and begins up to one part late.
 */
export class TargetWindows {
  readonly #rings: readonly Ring[] = shapes.map(({ lengthMs, parts }) => ({
    lengthMs,
    parts,
    numbers: new Float64Array(parts).fill(-1),
    counts: new Uint32Array(parts * partSize),
  }));

  /** `now` is monotonic. */
  record({ failed, firstTokenMs, tokensPerSecond }: ObservedAttempt, now: number): void {
    const time = firstTokenMs === undefined ? -1 : timesAt + stepOf(firstTokenMs, lowestTimeMs);
    const speed =
      tokensPerSecond === undefined ? -1 : speedsAt + stepOf(tokensPerSecond, lowestSpeed);
    for (const ring of this.#rings) {
      const at = openPart(ring, now);
      bump(ring.counts, at);
      if (failed) bump(ring.counts, at + failuresAt);
      if (time >= 0) bump(ring.counts, at + time);
      if (speed >= 0) bump(ring.counts, at + speed);
    }
  }

  /** All windows, the shortest first. */
  summaries(now: number): WindowSummary[] {
    return this.#rings.map((ring) => summary(ring, now));
  }

  /** Half of the streamed answers of the last hour were slower. Undefined: there were none. */
  tokensPerSecond(now: number): number | undefined {
    const hour = this.#rings[2];
    if (hour === undefined) return undefined;
    return quantile(gather(hour, now).subarray(speedsAt), 0.5, lowestSpeed);
  }
}

function bump(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] ?? 0) + 1;
}

/** Where the part of `now` begins; what stood in its place is as old as the window and forgotten. */
function openPart({ lengthMs, parts, numbers, counts }: Ring, now: number): number {
  const number = Math.floor(now / (lengthMs / parts));
  const place = number % parts;
  const start = place * partSize;
  if (numbers[place] !== number) {
    numbers[place] = number;
    counts.fill(0, start, start + partSize);
  }
  return start;
}

function gather({ lengthMs, parts, numbers, counts }: Ring, now: number): Float64Array {
  const newest = Math.floor(now / (lengthMs / parts));
  const sums = new Float64Array(partSize);
  for (let place = 0; place < parts; place += 1) {
    const number = numbers[place] ?? -1;
    if (number < 0 || number <= newest - parts || number > newest) continue;
    for (let at = 0; at < partSize; at += 1) {
      sums[at] = (sums[at] ?? 0) + (counts[place * partSize + at] ?? 0);
    }
  }
  return sums;
}

function summary(ring: Ring, now: number): WindowSummary {
  const sums = gather(ring, now);
  const times = sums.subarray(timesAt, speedsAt);
  const speeds = sums.subarray(speedsAt);
  return {
    lengthMs: ring.lengthMs,
    attempts: sums[0] ?? 0,
    failures: sums[failuresAt] ?? 0,
    firstTokenP50Ms: quantile(times, 0.5, lowestTimeMs),
    firstTokenP95Ms: quantile(times, 0.95, lowestTimeMs),
    tokensPerSecondP50: quantile(speeds, 0.5, lowestSpeed),
    tokensPerSecondP95: quantile(speeds, 0.95, lowestSpeed),
  };
}
