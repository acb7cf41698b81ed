import { monotonicMs } from "@penstock/limits";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HintedCooldowns, longestHintMs } from "./hinted-cooldowns.ts";

const at = monotonicMs;

describe("HintedCooldowns", () => {
  it("believes a hint for a minute at most", () => {
    const hints = new HintedCooldowns();
    expect(hints.offer("a", 5_000, at(0))).toBe(true);
    expect(hints.until(["b", "a"], at(0))).toBe(5_000);
    expect(hints.until(["a"], at(5_000))).toBeUndefined();
    hints.offer("b", Number.MAX_VALUE, at(0));
    expect(hints.until(["b"], at(0))).toBe(longestHintMs);
  });

  it("does not believe what is over, or no time at all", () => {
    const hints = new HintedCooldowns();
    expect([hints.offer("a", 9, at(10)), hints.offer("a", Number.NaN, at(10))]).toEqual([
      false,
      false,
    ]);
    expect(hints.isEmpty).toBe(true);
  });

  it("lets the router see for itself after a hint, for as long as that lasted", () => {
    const hints = new HintedCooldowns();
    hints.offer("a", 10_000, at(0));
    expect(hints.offer("a", 30_000, at(10_000))).toBe(false);
    expect(hints.offer("a", 30_000, at(19_999))).toBe(false);
    expect(hints.offer("a", 30_000, at(20_000))).toBe(true);
  });

  it("remembers a bounded number of them, and forgets those that are over", () => {
    const hints = new HintedCooldowns();
    for (let n = 0; n < 10_000; n += 1) hints.offer(String(n), 10, at(0));
    expect(hints.offer("late", 1_000, at(5))).toBe(false);
    expect(hints.offer("late", 1_000, at(20))).toBe(true);
  });

  it("never keeps anything out for more than a minute at a time, nor half of the time", () => {
    const step = fc.record({ gapMs: fc.nat(40_000), lengthMs: fc.integer({ min: -10, max: 1e9 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const hints = new HintedCooldowns();
        const out: [from: number, until: number][] = [];
        let now = 0;
        for (const { gapMs, lengthMs } of steps) {
          now += gapMs;
          hints.offer("a", now + lengthMs, at(now));
          const until = hints.until(["a"], at(now));
          if (until === undefined) continue;
          const last = out.at(-1);
          if (last !== undefined && now < last[1]) last[1] = until;
          else out.push([now, until]);
        }
        for (const [index, [from, until]] of out.entries()) {
          expect(until - from).toBeLessThanOrEqual(longestHintMs);
          const next = out[index + 1];
          if (next !== undefined) expect(next[0] - until).toBeGreaterThanOrEqual(until - from);
        }
      }),
    );
  });
});
