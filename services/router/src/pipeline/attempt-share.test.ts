import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shareDeadline } from "./attempt-share.ts";

const timeouts = {
  connectMs: 3_000,
  firstTokenMs: 60_000,
  answerMs: 600_000,
  progressMs: 30_000,
  attemptMs: 600_000,
};

describe("shareDeadline", () => {
  it.each([
    [30_000, 0, 60_000, 600_000],
    [30_000, 1, 20_000, 20_000],
    [30_000, 2, 15_000, 15_000],
    [900_000, 1, 60_000, 600_000],
  ])("of %i ms with %i others behind it", (remainingMs, others, firstTokenMs, answerMs) => {
    expect(shareDeadline(timeouts, remainingMs, others)).toEqual({
      ...timeouts,
      firstTokenMs,
      answerMs,
    });
  });

  it("leaves every possible attempt some time, however many use up theirs", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 900_000 }),
        fc.integer({ min: 1, max: 4 }),
        (all, n) => {
          let left = all;
          for (let others = n; others >= 0; others -= 1) {
            const { firstTokenMs } = shareDeadline(timeouts, left, others);
            expect(firstTokenMs).toBeGreaterThan(0);
            expect(firstTokenMs).toBeLessThanOrEqual(timeouts.firstTokenMs);
            if (others > 0) expect(firstTokenMs).toBeLessThan(left);
            left -= firstTokenMs;
          }
        },
      ),
    );
  });
});
