import type { CompiledDeployment } from "@penstock/snapshot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantile, stepCount, stepOf } from "./log-histogram.ts";
import { TargetPerformanceBook } from "./target-performance.ts";
import type { EndedAttempt } from "./target-performance.ts";

function deployment(model = "m"): CompiledDeployment {
  return {
    name: "deployments/a",
    provider: { name: "providers/p", origin: "https://p", credential: "env:KEY" },
    model,
    path: "/v1",
  } as unknown as CompiledDeployment;
}

const answered: EndedAttempt = {
  class: "OK",
  stream: true,
  firstTokenMs: 200,
  durationMs: 1_200,
  outputTokens: 50,
};

describe("quantile", () => {
  it("is within 20 of 100 of the value, wherever it lies", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 400_000, noNaN: true }), (value) => {
        const counts = new Uint32Array(stepCount);
        counts[stepOf(value, 1)] = 1;
        const found = quantile(counts, 0.5, 1) ?? 0;
        expect(Math.abs(found - value) / value).toBeLessThan(0.2);
      }),
    );
  });
});

describe("TargetPerformanceBook", () => {
  it("smooths the time to the first content, and counts failures as 5 s", () => {
    const book = new TargetPerformanceBook();
    const target = deployment();
    expect(book.latency(target, true, 0)).toEqual({ firstTokenMs: undefined, quietMs: Infinity });
    book.ended(target, answered, 0);
    book.ended(target, { ...answered, class: "UPSTREAM_ERROR", firstTokenMs: 1 }, 1_000);
    expect(book.latency(target, true, 3_000)).toEqual({ firstTokenMs: 1_160, quietMs: 2_000 });
    expect(book.latency(target, false, 0).firstTokenMs).toBeUndefined();
  });

  it("does not hold against a target what its caller did", () => {
    const book = new TargetPerformanceBook();
    book.ended(deployment(), { ...answered, class: "BAD_REQUEST" }, 0);
    expect(book.windows("deployments/a", 0)).toEqual([]);
  });

  it("tells of a minute, a quarter of an hour, an hour and a day", () => {
    const book = new TargetPerformanceBook();
    const target = deployment();
    for (let count = 0; count < 9; count += 1) book.ended(target, answered, 0);
    book.ended(target, { ...answered, class: "OVERLOADED" }, 0);
    const windows = (now: number) =>
      book.windows("deployments/a", now).map(({ attempts, failures }) => [attempts, failures]);
    expect(windows(0)).toEqual(Array.from({ length: 4 }, () => [10, 1]));
    expect(windows(61_000)).toEqual([[0, 0], ...Array.from({ length: 3 }, () => [10, 1])]);
    expect(windows(16 * 60_000)).toEqual([
      [0, 0],
      [0, 0],
      [10, 1],
      [10, 1],
    ]);
    expect(windows(25 * 3_600_000)).toEqual(Array.from({ length: 4 }, () => [0, 0]));
    const [minute] = book.windows("deployments/a", 0);
    expect(minute?.firstTokenP50Ms).toBeGreaterThan(160);
    expect(minute?.firstTokenP95Ms).toBeLessThan(240);
    expect(minute?.tokensPerSecondP50).toBeGreaterThan(40);
    expect(minute?.tokensPerSecondP50).toBeLessThan(60);
  });

  it("counts in each window what a list would count, but for one part of it", () => {
    const step = fc.record({ pauseMs: fc.nat(30_000), failed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const book = new TargetPerformanceBook();
        const target = deployment();
        const times: number[] = [];
        let now = 0;
        for (const { pauseMs, failed } of steps) {
          now += pauseMs;
          book.ended(target, failed ? { ...answered, class: "CONNECTION" } : answered, now);
          times.push(now);
        }
        const parts = [6, 15, 12, 24];
        for (const [at, { lengthMs, attempts }] of book.windows("deployments/a", now).entries()) {
          const within = (ms: number): number => times.filter((time) => time > now - ms).length;
          expect(attempts).toBeLessThanOrEqual(within(lengthMs));
          expect(attempts).toBeGreaterThanOrEqual(within(lengthMs - lengthMs / parts[at]!));
        }
      }),
    );
  });

  it("begins anew when the name means another target, and forgets what is gone", () => {
    const book = new TargetPerformanceBook();
    book.ended(deployment(), answered, 0);
    expect(book.latency(deployment(), true, 0).firstTokenMs).toBe(200);
    expect(book.latency(deployment("other"), true, 0).firstTokenMs).toBeUndefined();
    book.retain({ deployments: new Map() });
    expect(book.names()).toEqual([]);
  });

  it("hears nothing of what an older configuration meant by the name", () => {
    const book = new TargetPerformanceBook();
    const [old, now] = [deployment("old"), deployment("new")];
    book.ended(old, answered, 0);
    book.retain({ deployments: new Map([[now.name, now]]) });
    book.ended(now, answered, 1_000);
    book.ended(old, { ...answered, class: "STREAM_BROKEN" }, 2_000);
    expect(book.latency(now, true, 2_000)).toEqual({ firstTokenMs: 200, quietMs: 1_000 });
    book.retain({ deployments: new Map() });
    book.ended(now, answered, 3_000);
    expect(book.names()).toEqual([]);
  });
});
