import { ManualClock } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { Keepalive } from "./keepalive.ts";

function started(intervalMs: number) {
  const clock = new ManualClock();
  const sent: number[] = [];
  const begin = clock.monotonicMs();
  const keepalive = new Keepalive(clock, () => sent.push(clock.monotonicMs() - begin));
  keepalive.start(intervalMs);
  return { clock, keepalive, sent };
}

describe("Keepalive", () => {
  it("sends after each quiet interval", () => {
    const { clock, sent } = started(1_000);
    for (let step = 0; step < 35; step += 1) clock.advance(100);
    expect(sent).toEqual([1_000, 2_000, 3_000]);
  });

  it("counts from the last write", () => {
    const { clock, keepalive, sent } = started(1_000);
    clock.advance(900);
    keepalive.wrote(clock.monotonicMs());
    clock.advance(999);
    expect(sent).toEqual([]);
    clock.advance(1);
    expect(sent).toEqual([1_900]);
  });

  it("is silent while the stream speaks often enough, and once it is stopped", () => {
    const { clock, keepalive, sent } = started(1_000);
    for (let step = 0; step < 20; step += 1) {
      clock.advance(500);
      keepalive.wrote(clock.monotonicMs());
    }
    expect(sent).toEqual([]);
    keepalive.stop();
    clock.advance(10_000);
    expect(sent).toEqual([]);
  });
});
