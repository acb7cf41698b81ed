import { ManualClock } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { Drain } from "./drain.ts";

function setUp(graceMs: number, open: number, closed: Promise<void> = Promise.resolve()) {
  const clock = new ManualClock();
  const steps: string[] = [];
  const requests = { open };
  const note = (step: string) => () => void steps.push(`${clock.monotonicMs() - startMs} ${step}`);
  const startMs = clock.monotonicMs();
  const drain = new Drain(
    clock,
    {
      open: () => requests.open,
      announce: note("announce"),
      closeDoors: () => {
        note("close")();
        return closed;
      },
      interruptAll: (error) => {
        note(`interrupt ${error.reason}`)();
        requests.open = 0;
      },
      cut: note("cut"),
    },
    graceMs,
  );
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 20) {
      // The steps follow each other by promises.
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(20);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { drain, steps, requests, advance };
}

describe("Drain", () => {
  it("announces at once, accepts for the grace, and lets what is open end", async () => {
    const { drain, steps, requests, advance } = setUp(5_000, 3);
    const ended = drain.run(120_000);
    expect(steps).toEqual(["0 announce"]);
    await advance(4_980);
    expect(steps).toHaveLength(1);
    await advance(20);
    expect(steps[1]).toBe("5000 close");
    await advance(60_000);
    expect(steps).toHaveLength(2);
    requests.open = 0;
    await advance(60);
    await ended;
    expect(steps[2]).toMatch(/ cut$/);
  });

  it("interrupts what is open at the deadline", async () => {
    const { drain, steps, advance } = setUp(0, 1);
    const ended = drain.run(2_000);
    await advance(2_020);
    await ended;
    expect(steps.slice(0, 2)).toEqual(["0 announce", "0 close"]);
    expect(steps[2]).toMatch(/^20[0-2]0 interrupt DRAINING$/);
    expect(steps[3]).toMatch(/^20[0-2]0 cut$/);
  });

  it("takes a deadline that is shorter than the grace", async () => {
    const { drain, steps, advance } = setUp(5_000, 1);
    const ended = drain.run(1_000);
    await advance(1_020);
    await ended;
    expect(steps.slice(0, 2)).toEqual(["0 announce", "1000 close"]);
    expect(steps[2]).toMatch(/^10[0-2]0 interrupt DRAINING$/);
  });

  it("waits for the last words on their way, but not for ever", async () => {
    const { drain, steps, advance } = setUp(0, 0, new Promise(() => undefined));
    const ended = drain.run(60_000);
    await advance(4_980);
    expect(steps).toEqual(["0 announce", "0 close"]);
    await advance(40);
    await ended;
    expect(steps[2]).toMatch(/ cut$/);
  });

  it("hurries when it is asked again", async () => {
    const { drain, steps, advance } = setUp(5_000, 1);
    const ended = drain.run(120_000);
    await advance(1_000);
    void drain.run(5_000);
    await advance(5_100);
    await ended;
    expect(steps.map((step) => step.split(" ").slice(1).join(" "))).toEqual([
      "announce",
      "close",
      "interrupt DRAINING",
      "cut",
    ]);
    expect(Number(steps[1]?.split(" ")[0])).toBeLessThanOrEqual(1_040);
    expect(Number(steps[2]?.split(" ")[0])).toBeLessThanOrEqual(6_060);
  });
});
