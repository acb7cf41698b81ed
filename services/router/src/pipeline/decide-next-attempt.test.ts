import { failureReasons } from "@penstock/formats";
import type { FailureClass } from "@penstock/formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideNextAttempt } from "./decide-next-attempt.ts";
import type { FailedAttempt } from "./decide-next-attempt.ts";

const classes = Object.keys(failureReasons) as FailureClass[];

function failed(change: Partial<FailedAttempt>): FailedAttempt {
  return {
    class: "UPSTREAM_ERROR",
    committed: false,
    retryAfterMs: undefined,
    attempts: 1,
    attemptsOnTarget: 1,
    maxAttempts: 3,
    lastTarget: false,
    remainingMs: 60_000,
    retryBudget: true,
    random: 0.5,
    ...change,
  };
}

describe("decideNextAttempt", () => {
  it.each([
    ["UPSTREAM_ERROR", "retry"],
    ["CONNECTION", "retry"],
    ["STREAM_BROKEN", "retry"],
    ["MALFORMED", "retry"],
    ["TIMEOUT_CONNECT", "retry"],
    ["RATE_LIMITED", "fallback"],
    ["QUOTA_EXHAUSTED", "fallback"],
    ["OVERLOADED", "fallback"],
    ["AUTH_FAILED", "fallback"],
    ["MODEL_NOT_FOUND", "fallback"],
    ["CONTEXT_TOO_LONG", "fallback"],
    ["TIMEOUT_FIRST_TOKEN", "fallback"],
    ["TIMEOUT_PROGRESS", "fallback"],
    ["CONTENT_FILTERED", "fallback"],
    ["UNMAPPED", "fallback"],
    ["BAD_REQUEST", "stop"],
    ["CANCELLED", "stop"],
  ] as const)("after a first %s: %s", (failureClass, kind) => {
    expect(decideNextAttempt(failed({ class: failureClass })).kind).toBe(kind);
  });

  it("falls back after the second failure on a target", () => {
    const second = failed({ attempts: 2, attemptsOnTarget: 2 });
    expect(decideNextAttempt(second)).toEqual({ kind: "fallback" });
  });

  it("keeps the last attempt for a target that has not failed yet", () => {
    expect(decideNextAttempt(failed({ maxAttempts: 2 }))).toEqual({ kind: "fallback" });
  });

  it("waits for a limit only where nothing else is left and the provider said how long", () => {
    const limited = failed({ class: "RATE_LIMITED", retryAfterMs: 1_500, random: 0.5 });
    expect(decideNextAttempt(limited).kind).toBe("fallback");
    const last = { ...limited, lastTarget: true };
    expect(decideNextAttempt(last)).toEqual({ kind: "retry", delayMs: 1_550 });
    expect(decideNextAttempt({ ...last, retryAfterMs: 2_000 }).kind).toBe("stop");
    expect(decideNextAttempt({ ...last, retryAfterMs: undefined }).kind).toBe("stop");
  });

  it("does what the row of the failure says instead of its class", () => {
    const again = failed({ class: "BAD_REQUEST", actions: ["R", "C"] });
    expect(decideNextAttempt(again).kind).toBe("retry");
    expect(decideNextAttempt({ ...again, attempts: 2, attemptsOnTarget: 2 }).kind).toBe("stop");
  });

  it("retries an overloaded target only when it is the last one", () => {
    const last = failed({ class: "OVERLOADED", lastTarget: true });
    expect(decideNextAttempt(last).kind).toBe("retry");
  });

  it("never waits longer than a quarter of what is left, nor than 5 s", () => {
    const patient = failed({ lastTarget: true, retryAfterMs: 4_000, random: 0 });
    expect(decideNextAttempt({ ...patient, remainingMs: 60_000 }).kind).toBe("retry");
    expect(decideNextAttempt({ ...patient, remainingMs: 10_000 }).kind).toBe("stop");
    expect(decideNextAttempt({ ...patient, retryAfterMs: 6_000 }).kind).toBe("stop");
  });

  it("without retry budget goes on to the next target", () => {
    expect(decideNextAttempt(failed({ retryBudget: false }))).toEqual({ kind: "fallback" });
  });

  it("never does anything after the commit point, beyond the attempts or out of time", () => {
    const anything = fc.record({
      class: fc.constantFrom(...classes),
      committed: fc.boolean(),
      retryAfterMs: fc.option(fc.nat(100_000), { nil: undefined }),
      attempts: fc.integer({ min: 1, max: 6 }),
      attemptsOnTarget: fc.integer({ min: 1, max: 6 }),
      maxAttempts: fc.integer({ min: 1, max: 5 }),
      lastTarget: fc.boolean(),
      remainingMs: fc.integer({ min: -100, max: 100_000 }),
      retryBudget: fc.boolean(),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(anything, (attempt) => {
        const next = decideNextAttempt(attempt);
        const over =
          attempt.committed || attempt.attempts >= attempt.maxAttempts || attempt.remainingMs < 100;
        if (over) expect(next.kind).toBe("stop");
        if (next.kind === "fallback") expect(attempt.lastTarget).toBe(false);
        if (next.kind === "retry") {
          expect(attempt.attemptsOnTarget).toBeLessThan(2);
          expect(next.delayMs).toBeLessThanOrEqual(attempt.remainingMs / 4);
        }
      }),
    );
  });
});
