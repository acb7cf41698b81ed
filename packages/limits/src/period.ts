import { fieldInvalid } from "./field-invalid.ts";
import type { WallMs } from "./time.ts";

/** How long a budget lasts before it starts afresh. */
export type PeriodKind = "day" | "month";

/** One calendar period, `[startMs, endMs)`. */
export interface Period {
  readonly startMs: WallMs;
  readonly endMs: WallMs;
}

const dayMs = 86_400_000;
// No zone of the IANA database was ever further from UTC than 15 h 14 min (Manila, Metlakatla).
const maximumOffsetMs = 16 * 3_600_000;
// The end of year 9998, so that the following period still has a four-digit year.
const latestMs = 253_370_764_799_999;
// Names only: Intl also takes offsets such as "+05:30", which know no daylight saving.
const zoneNamePattern = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

function dateFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!zoneNamePattern.test(timeZone)) return undefined;
  try {
    return new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", {
      timeZone,
      year: "numeric",
      month: "numeric",
      day: "numeric",
    });
  } catch {
    return undefined;
  }
}

/** Whether `timeZone` is a name of the IANA time zone database that this runtime knows. */
export function isTimeZone(timeZone: string): boolean {
  return dateFormat(timeZone) !== undefined;
}

interface LocalDate {
  readonly year: number;
  /** January is 0, as in Date.UTC. */
  readonly month: number;
  readonly day: number;
}

function localDate(format: Intl.DateTimeFormat, atMs: number): LocalDate {
  const date = { year: 0, month: 0, day: 0 };
  for (const part of format.formatToParts(atMs)) {
    if (part.type === "year") date.year = Number(part.value);
    else if (part.type === "month") date.month = Number(part.value) - 1;
    else if (part.type === "day") date.day = Number(part.value);
  }
  return date;
}

/** First day of the period that lies `shift` periods after the one of `date`, as if it were UTC. */
function firstDay(kind: PeriodKind, date: LocalDate, shift: number): number {
  return kind === "day"
    ? Date.UTC(date.year, date.month, date.day + shift)
    : Date.UTC(date.year, date.month + shift, 1);
}

/**
 * The instant at which the local date of the zone becomes `dayUtcMs` or later. A search, not
 * "midnight minus offset": some zones skip midnight, some repeat it, some skip a whole day.
 * It depends on the day and the zone alone, therefore neighbouring periods always meet.
 */
function startOfDay(format: Intl.DateTimeFormat, dayUtcMs: number): WallMs {
  let before = dayUtcMs - maximumOffsetMs;
  let reached = dayUtcMs + maximumOffsetMs;
  while (reached - before > 1) {
    const middle = Math.floor((before + reached) / 2);
    const date = localDate(format, middle);
    if (Date.UTC(date.year, date.month, date.day) >= dayUtcMs) reached = middle;
    else before = middle;
  }
  return reached as WallMs;
}

function findPeriod(kind: PeriodKind, format: Intl.DateTimeFormat, now: WallMs): Period {
  if (!(now >= dayMs && now <= latestMs)) {
    throw fieldInvalid("time", "must lie between 1970-01-02 and the end of year 9998");
  }
  const date = localDate(format, now);
  let startMs = startOfDay(format, firstDay(kind, date, 0));
  let endMs = startOfDay(format, firstDay(kind, date, 1));
  // Where the clock is set back across midnight a local date occurs twice; the second time belongs
  // to the period that has already begun.
  for (let shift = 2; now >= endMs; shift += 1) {
    startMs = endMs;
    endMs = startOfDay(format, firstDay(kind, date, shift));
  }
  for (let shift = -1; now < startMs; shift -= 1) {
    endMs = startMs;
    startMs = startOfDay(format, firstDay(kind, date, shift));
  }
  return { startMs, endMs };
}

/**
 * A function from wall time to its period. It remembers the last answer: within one period a call
 * costs two comparisons, otherwise about 50 Intl calls. Keep one per (kind, zone). Throws
 * FIELD_INVALID for an unknown zone; the function throws it for a time before 1970-01-02 or after
 * year 9998.
 */
export function makePeriodCalculator(kind: PeriodKind, timeZone: string): (now: WallMs) => Period {
  const format = dateFormat(timeZone);
  if (format === undefined) {
    throw fieldInvalid("time_zone", "must be a name of the IANA time zone database");
  }
  let current: Period = { startMs: 0 as WallMs, endMs: 0 as WallMs };
  return (now) => {
    if (now >= current.startMs && now < current.endMs) return current;
    current = findPeriod(kind, format, now);
    return current;
  };
}

/**
 * The day or month of `timeZone` that contains `now`. Where it is asked often keep a
 * `makePeriodCalculator` instead; this throws FIELD_INVALID just as that does.
 */
export function periodOf(kind: PeriodKind, timeZone: string, now: WallMs): Period {
  return makePeriodCalculator(kind, timeZone)(now);
}
