import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isTimeZone, makePeriodCalculator, periodOf } from "./period.ts";
import type { PeriodKind } from "./period.ts";
import { wallMs } from "./time.ts";

const at = (text: string) => wallMs(Date.parse(text));
const hourMs = 3_600_000;
const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns",
  "America/Sao_Paulo",
  "America/Havana",
  "Africa/Cairo",
  "Asia/Kolkata",
  "Asia/Beirut",
  "Asia/Tehran",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Kiritimati",
  "Pacific/Chatham",
  "Etc/GMT+12",
];
const kinds: PeriodKind[] = ["day", "month"];
const times = fc.integer({ min: Date.UTC(1975, 0, 1), max: Date.UTC(2060, 0, 1) });

function iso(kind: PeriodKind, zone: string, time: string): [string, string] {
  const period = periodOf(kind, zone, at(time));
  return [new Date(period.startMs).toISOString(), new Date(period.endMs).toISOString()];
}

describe("periodOf", () => {
  it("knows days and months of a plain zone", () => {
    expect(iso("day", "UTC", "2026-11-23T05:30:00Z")).toEqual([
      "2026-11-23T00:00:00.000Z",
      "2026-11-24T00:00:00.000Z",
    ]);
    expect(iso("month", "Asia/Kolkata", "2026-12-31T20:00:00Z")).toEqual([
      "2026-12-31T18:30:00.000Z",
      "2027-01-31T18:30:00.000Z",
    ]);
  });

  it("has days of 23 and 25 hours where the clock changes", () => {
    const spring = periodOf("day", "Europe/Berlin", at("2026-03-29T12:00:00Z"));
    const autumn = periodOf("day", "Europe/Berlin", at("2026-10-25T12:00:00Z"));
    expect(spring.endMs - spring.startMs).toBe(23 * hourMs);
    expect(autumn.endMs - autumn.startMs).toBe(25 * hourMs);
  });

  it("starts a day whose midnight is skipped when the clock comes back", () => {
    expect(iso("day", "America/Sao_Paulo", "2018-11-04T12:00:00Z")).toEqual([
      "2018-11-04T03:00:00.000Z",
      "2018-11-05T02:00:00.000Z",
    ]);
  });

  it("meets itself where midnight is repeated", () => {
    // Havana goes from 01:00 back to 00:00.
    const [start, end] = iso("day", "America/Havana", "2024-11-03T12:00:00Z");
    expect([start, end]).toEqual(["2024-11-03T04:00:00.000Z", "2024-11-04T05:00:00.000Z"]);
  });

  it("leaves out a day that a zone never had", () => {
    // Samoa went from 29 December 2011 straight to the 31st.
    expect(iso("day", "Pacific/Apia", "2011-12-30T09:00:00Z")).toEqual([
      "2011-12-29T10:00:00.000Z",
      "2011-12-30T10:00:00.000Z",
    ]);
    expect(iso("day", "Pacific/Apia", "2011-12-30T10:00:00Z")).toEqual([
      "2011-12-30T10:00:00.000Z",
      "2011-12-31T10:00:00.000Z",
    ]);
  });

  it("contains now where the clock is set back across midnight", () => {
    // St John's went from 00:01 on 7 November 2010 back to 23:01 of the 6th.
    const calculate = makePeriodCalculator("day", "America/St_Johns");
    for (let minute = -90; minute <= 90; minute += 1) {
      const now = wallMs(Date.UTC(2010, 10, 7, 2, 31 + minute));
      const period = periodOf("day", "America/St_Johns", now);
      expect(period.startMs).toBeLessThanOrEqual(now);
      expect(period.endMs).toBeGreaterThan(now);
      expect(calculate(now)).toEqual(period);
    }
  });

  it("contains now and meets its neighbours, in every zone", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.constantFrom(...zones),
        times,
        (kind, zone, time) => {
          const calculate = makePeriodCalculator(kind, zone);
          const period = calculate(wallMs(time));
          expect(period.startMs).toBeLessThanOrEqual(time);
          expect(period.endMs).toBeGreaterThan(time);
          expect(calculate(wallMs(period.endMs)).startMs).toBe(period.endMs);
          expect(calculate(wallMs(period.startMs - 1)).endMs).toBe(period.startMs);
          expect(calculate(wallMs(period.startMs))).toEqual(period);
          expect(calculate(wallMs(period.endMs - 1))).toEqual(period);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("equals plain arithmetic in UTC", () => {
    fc.assert(
      fc.property(times, (time) => {
        const startMs = Math.floor(time / 86_400_000) * 86_400_000;
        expect(periodOf("day", "UTC", wallMs(time))).toEqual({
          startMs,
          endMs: startMs + 86_400_000,
        });
      }),
    );
  });
});

describe("makePeriodCalculator", () => {
  it("answers from memory within a period, and correctly after going back", () => {
    const calculate = makePeriodCalculator("day", "Europe/Berlin");
    const first = calculate(at("2026-11-23T05:00:00Z"));
    expect(calculate(at("2026-11-23T22:59:59.999Z"))).toBe(first);
    expect(calculate(at("2026-11-23T23:00:00Z")).startMs).toBe(first.endMs);
    expect(calculate(at("2026-11-23T05:00:00Z"))).toEqual(first);
  });

  it("refuses zones that are no names, and times out of range", () => {
    const invalid = expect.objectContaining({ reason: "FIELD_INVALID" });
    for (const zone of ["", "Mars/Olympus", "+05:30", "Europe/Berlin ", "x".repeat(99)]) {
      expect(isTimeZone(zone), zone).toBe(false);
      expect(() => makePeriodCalculator("day", zone), zone).toThrow(invalid);
    }
    for (const time of [Number.NaN, -1, Infinity, 8.64e15]) {
      expect(() => periodOf("day", "UTC", wallMs(time)), `${time}`).toThrow(invalid);
    }
    expect(zones.every(isTimeZone)).toBe(true);
  });
});
