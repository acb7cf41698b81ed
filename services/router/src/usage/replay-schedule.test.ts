import { ManualClock } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { ReplaySchedule } from "./replay-schedule.ts";

/** Looks of a schedule with one unconfirmed epoch, each with whether it was due. */
function watched() {
  const clock = new ManualClock();
  const due: boolean[] = [];
  let isWaiting = false;
  const schedule: ReplaySchedule = new ReplaySchedule(clock, () => {
    due.push(schedule.isDue(1n, isWaiting));
  });
  schedule.progressed(1n);
  schedule.start();
  return { clock, due, schedule, wait: (waiting: boolean) => (isWaiting = waiting) };
}

describe("a replay", () => {
  it("is due after a minute without progress, then after two", () => {
    const { clock, due } = watched();
    for (let minute = 0; minute < 3; minute += 1) clock.advance(60_000);
    expect(due).toEqual([true, false, true]);
  });

  it("is due 5 s after the bus is back", () => {
    const { clock, due, schedule } = watched();
    schedule.restored();
    clock.advance(5_000);
    expect(due).toEqual([true]);
  });

  it("is due 5 s after the last progress where that stops at a hole", () => {
    const { clock, due, schedule } = watched();
    schedule.restored();
    clock.advance(4_000);
    schedule.progressed(1n);
    clock.advance(6_000);
    expect(due).toEqual([false, true]);
  });

  it("waits for what was never published, and no minute longer", () => {
    const { clock, due, schedule, wait } = watched();
    schedule.restored();
    wait(true);
    clock.advance(5_000);
    wait(false);
    clock.advance(5_000);
    expect(due).toEqual([false, true]);
  });

  it("does not come again and again while consumers are away", () => {
    const { clock, due, schedule } = watched();
    schedule.restored();
    for (let step = 0; step < 11; step += 1) clock.advance(5_000);
    expect(due.filter(Boolean)).toHaveLength(1);
  });
});
