import { describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { ManualClock } from "./manual-clock.ts";
import { sleep } from "./sleep.ts";

describe("ManualClock", () => {
  it("runs timers in the order they are due, at their own time", () => {
    const clock = new ManualClock(1_000);
    const seen: string[] = [];
    clock.schedule(30, () => seen.push(`c${clock.wallMs()}`));
    clock.schedule(10, () => {
      seen.push(`a${clock.wallMs()}`);
      clock.schedule(5, () => seen.push(`b${clock.wallMs()}`));
    });
    clock.schedule(30, () => seen.push("d"));
    clock.advance(29);
    expect(seen).toEqual(["a1010", "b1015"]);
    clock.advance(1);
    expect(seen).toEqual(["a1010", "b1015", "c1030", "d"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("keeps the monotonic time when the wall jumps back", () => {
    const clock = new ManualClock(5_000);
    clock.advance(100);
    clock.setWall(1_000);
    expect([clock.wallMs(), clock.monotonicMs()]).toEqual([1_000, 100]);
    clock.advance(1);
    expect([clock.wallMs(), clock.monotonicMs()]).toEqual([1_001, 101]);
  });

  it("does not run a cancelled timer", () => {
    const clock = new ManualClock();
    const timer = clock.schedule(1, () => expect.unreachable());
    timer.cancel();
    clock.advance(10);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("sleep", () => {
  it("resolves with the clock and leaves nothing behind", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const slept = sleep(clock, 50, abort.signal);
    clock.advance(50);
    await slept;
    expect(clock.pendingTimers).toBe(0);
  });

  it("rejects with the reason of the signal and drops its timer", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const slept = sleep(clock, 50, abort.signal);
    abort.abort(new Error("enough"));
    await expect(slept).rejects.toThrow("enough");
    await expect(sleep(clock, 50, abort.signal)).rejects.toThrow("enough");
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("systemClock", () => {
  it("does not fire a very long timer at once", async () => {
    const timer = systemClock.schedule(2 ** 40, () => expect.unreachable());
    await sleep(systemClock, 5);
    timer.cancel();
  });
});
