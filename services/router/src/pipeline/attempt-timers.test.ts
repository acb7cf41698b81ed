import { ManualClock } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { AttemptTimers } from "./attempt-timers.ts";

const timeouts = {
  connectMs: 10,
  firstTokenMs: 300,
  answerMs: 2_000,
  progressMs: 500,
  attemptMs: 5_000,
};

function timers(options: { stream?: boolean; requestEndMs?: number } = {}) {
  const clock = new ManualClock();
  const heard: string[] = [];
  const made = new AttemptTimers(
    clock,
    timeouts,
    clock.monotonicMs() + (options.requestEndMs ?? 60_000),
    {
      stream: options.stream ?? true,
      startMs: clock.monotonicMs(),
      listener: {
        onTimeout: (failure) => heard.push(failure),
        onLingered: () => heard.push("lingered"),
        onUnderWay: () => true,
      },
    },
  );
  return { clock, heard, made };
}

describe("AttemptTimers", () => {
  it("ends an attempt without content at the first-token timer", () => {
    const { clock, heard } = timers();
    clock.advance(298);
    expect(heard).toEqual([]);
    clock.advance(3);
    expect(heard).toEqual(["TIMEOUT_FIRST_TOKEN"]);
  });

  it("gives an answer that is not streamed the time of an answer", () => {
    const { clock, heard } = timers({ stream: false });
    clock.advance(1_990);
    expect(heard).toEqual([]);
    clock.advance(20);
    expect(heard).toEqual(["TIMEOUT_FIRST_TOKEN"]);
  });

  it("begins the progress timer anew with every content", () => {
    const { clock, heard, made } = timers();
    for (let at = 0; at < 5; at += 1) {
      clock.advance(250);
      made.progressed(clock.monotonicMs());
    }
    clock.advance(490);
    expect(heard).toEqual([]);
    clock.advance(20);
    expect(heard).toEqual(["TIMEOUT_PROGRESS"]);
  });

  it("ends the attempt and the request whatever content comes", () => {
    const { clock, heard, made } = timers({ requestEndMs: 1_000 });
    for (let at = 0; at < 6; at += 1) {
      clock.advance(200);
      made.progressed(clock.monotonicMs());
    }
    expect(heard).toEqual(["TIMEOUT_TOTAL"]);
  });

  it("does not blame the provider while the caller does not read", () => {
    const { clock, heard, made } = timers({ requestEndMs: 600_000 });
    made.progressed(clock.monotonicMs());
    expect(made.pause()).toBe(true);
    clock.advance(3_000);
    expect(heard).toEqual([]);
    expect(made.resume()).toBe(true);
    clock.advance(510);
    expect(heard).toEqual(["TIMEOUT_PROGRESS"]);
  });

  it("is silent once stopped", () => {
    const { clock, heard, made } = timers();
    made.stop();
    clock.advance(10_000);
    expect(heard).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("gives a provider a second to let go of its connection", () => {
    const { clock, heard, made } = timers();
    made.progressed(clock.monotonicMs());
    made.linger();
    expect(made.over).toBe(true);
    clock.advance(990);
    expect(heard).toEqual([]);
    clock.advance(20);
    expect(heard).toEqual(["lingered"]);
  });
});
