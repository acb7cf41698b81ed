import { ManualClock } from "@penstock/runtime";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Deadlines } from "./deadlines.ts";
import type { Deadline } from "./deadlines.ts";

function book() {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const heard: [string, number][] = [];
  const wait = (name: string, delayMs: number, then?: () => void): Deadline => {
    const now = clock.monotonicMs();
    const deadline: Deadline = {
      dueMs: now + delayMs,
      place: -1,
      expire: () => {
        heard.push([name, clock.monotonicMs()]);
        then?.();
      },
    };
    deadlines.add(deadline, now);
    return deadline;
  };
  return { clock, deadlines, heard, wait };
}

describe("Deadlines", () => {
  it("ends each at its time, whatever else is added, moved or taken back", () => {
    const step = fc.record({
      after: fc.nat({ max: 3_000 }),
      delay: fc.nat({ max: 5_000 }),
      fate: fc.constantFrom<"kept" | "removed" | "moved">("kept", "removed", "moved"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { clock, deadlines, heard, wait } = book();
        const expected = new Map<string, number>();
        steps.forEach(({ after, delay, fate }, index) => {
          clock.advance(after);
          const deadline = wait(String(index), delay);
          if (fate === "removed") deadlines.remove(deadline);
          else expected.set(String(index), deadline.dueMs);
          if (fate !== "moved") return;
          deadline.dueMs = clock.monotonicMs() + Math.floor(delay / 2);
          deadlines.movedUp(deadline, clock.monotonicMs());
          expected.set(String(index), deadline.dueMs);
        });
        clock.advance(20_000);
        expect(heard.map(([name]) => name).toSorted()).toEqual([...expected.keys()].toSorted());
        for (const [name, at] of heard) {
          const dueMs = expected.get(name) ?? NaN;
          expect(at).toBeGreaterThanOrEqual(dueMs - 1);
          expect(at).toBeLessThanOrEqual(dueMs);
        }
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  it("sets no further timer for one that is due later", () => {
    const { clock, wait } = book();
    for (let at = 0; at < 1_000; at += 1) wait(String(at), 2_000 + at);
    expect(clock.pendingTimers).toBe(1);
  });

  it("leaves a timer behind for a second at most", () => {
    const { clock, deadlines, heard, wait } = book();
    deadlines.remove(wait("never", 600_000));
    clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
    expect(heard).toEqual([]);
  });

  it("does not end what the end of another has taken back", () => {
    const { clock, deadlines, heard, wait } = book();
    wait("first", 10, () => deadlines.remove(second));
    const second = wait("second", 10);
    clock.advance(100);
    expect(heard).toEqual([["first", 10]]);
  });

  it("ends the others when one of them throws", () => {
    const { clock, heard, wait } = book();
    wait("bad", 10, () => {
      throw new Error("a mistake");
    });
    wait("good", 10);
    expect(() => clock.advance(100)).toThrow("a mistake");
    expect(heard.map(([name]) => name)).toEqual(["bad", "good"]);
  });
});
