import { describe, expect, it } from "vitest";

import { createDemand, demandPerSecond, largestReservation, observeDemand } from "./demand.ts";
import { monotonicMs } from "./time.ts";

describe("demand", () => {
  it("approaches a steady rate and fades when nothing is asked", () => {
    const demand = createDemand(monotonicMs(0));
    for (let now = 0; now <= 60_000; now += 50) observeDemand(demand, 10, monotonicMs(now));
    expect(demandPerSecond(demand, monotonicMs(60_000))).toBeGreaterThan(195);
    expect(demandPerSecond(demand, monotonicMs(60_000))).toBeLessThan(205);
    expect(demandPerSecond(demand, monotonicMs(65_000))).toBeLessThan(80);
    expect(demandPerSecond(demand, monotonicMs(120_000))).toBeLessThan(0.01);
  });

  it("does not depend on how often it is read", () => {
    const read = createDemand(monotonicMs(0));
    const unread = createDemand(monotonicMs(0));
    for (const now of [10, 700, 4_000]) {
      observeDemand(read, 5, monotonicMs(now));
      observeDemand(unread, 5, monotonicMs(now));
      demandPerSecond(read, monotonicMs(now + 100));
    }
    expect(demandPerSecond(read, monotonicMs(9_000))).toBe(
      demandPerSecond(unread, monotonicMs(9_000)),
    );
  });

  it("remembers the largest reservation for 30 to 60 s", () => {
    const demand = createDemand(monotonicMs(0));
    observeDemand(demand, 70, monotonicMs(1_000));
    observeDemand(demand, 7, monotonicMs(2_000));
    expect(largestReservation(demand, monotonicMs(29_999))).toBe(70);
    expect(largestReservation(demand, monotonicMs(31_000))).toBe(70);
    expect(largestReservation(demand, monotonicMs(61_000))).toBe(0);
    observeDemand(demand, 3, monotonicMs(61_500));
    expect(largestReservation(demand, monotonicMs(61_500))).toBe(3);
    expect(largestReservation(demand, monotonicMs(500_000))).toBe(0);
  });

  it("ignores amounts that make no sense and clocks that stand still", () => {
    const demand = createDemand(monotonicMs(5_000));
    observeDemand(demand, -5, monotonicMs(5_000));
    observeDemand(demand, Number.NaN, monotonicMs(5_000));
    expect(demandPerSecond(demand, monotonicMs(5_000))).toBe(0);
    observeDemand(demand, 5, monotonicMs(4_000));
    expect(demandPerSecond(demand, monotonicMs(4_000))).toBe(1);
  });
});
