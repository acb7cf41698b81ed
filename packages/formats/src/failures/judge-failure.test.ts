import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureReasons } from "../upstream-failure.ts";
import type { FailureFacts, FailureRule } from "./failure-rule.ts";
import { judgeFailure, refineFailure } from "./judge-failure.ts";
import { statusRules } from "./status-rules.ts";

const quiet = { header: (): string | undefined => undefined, nowMs: 0 };

function facts(change: Partial<FailureFacts>): FailureFacts {
  return { status: 400, inBand: false, code: "", type: "", message: "", ...change };
}

describe("judgeFailure", () => {
  it("takes the first row of which every condition holds", () => {
    const rules: FailureRule[] = [
      { id: "both", code: ["a"], type: ["b"], class: "QUOTA_EXHAUSTED" },
      { id: "detail", detail: ["c"], class: "AUTH_FAILED", cooldown: "provider" },
      { id: "header", header: { name: "x-why", value: /^load$/ }, class: "OVERLOADED" },
      { id: "inside", inBand: true, class: "UPSTREAM_ERROR", actions: ["F"] },
      { id: "words", message: /\bbroke\b/, class: "CONFLICT" },
    ];
    const judge = (change: Partial<FailureFacts>, header = ""): string =>
      judgeFailure(facts(change), rules, { ...quiet, header: () => header }).rule ?? "";
    expect(judge({ code: "a", type: "b" })).toBe("both");
    expect(judge({ code: "a" })).toBe("");
    expect(judge({ code: "a", details: ["x", "c"] })).toBe("detail");
    expect(judge({}, "load")).toBe("header");
    expect(judge({ inBand: true, message: "broke" })).toBe("inside");
    expect(judge({ message: "it broke" })).toBe("words");
  });

  it("asks for a row where the provider has a word that none knows", () => {
    const unmapped = (change: Partial<FailureFacts>): boolean | undefined =>
      judgeFailure(facts(change), statusRules, quiet).unmapped;
    expect(unmapped({ status: 429 })).toBe(false);
    expect(unmapped({ status: 429, code: "429" })).toBe(false);
    expect(unmapped({ status: 429, code: "new" })).toBe(true);
    expect(unmapped({ status: 418 })).toBe(true);
  });

  it("believes headers before the body, and the body before its words", () => {
    const wait = (header: string | undefined, bodyWaitMs: number | undefined) => {
      const limited = facts({ status: 429, message: "try again in 3s", bodyWaitMs });
      const answer = { header: (name: string) => (name === "retry-after" ? header : undefined) };
      return judgeFailure(limited, statusRules, { ...answer, nowMs: 0 }).retryAfterMs;
    };
    expect([wait("1", 2_000), wait(undefined, 2_000), wait(undefined, undefined)]).toEqual([
      1_000, 2_000, 3_000,
    ]);
  });

  it("takes the reset of a limit for a wait only where a limit was the cause", () => {
    const limits: Record<string, string> = {
      "x-ratelimit-remaining-requests": "9999",
      "x-ratelimit-reset-requests": "2m59.5s",
    };
    const wait = (status: number, headers = limits) =>
      judgeFailure(facts({ status }), statusRules, { header: (name) => headers[name], nowMs: 0 })
        .retryAfterMs;
    expect([wait(429), wait(402), wait(500), wait(503)]).toEqual([
      179_500,
      undefined,
      undefined,
      undefined,
    ]);
    expect(wait(503, { ...limits, "retry-after": "2" })).toBe(2_000);
  });

  it("is total, and tells no wait that can't be kept", () => {
    const anything = fc.record({
      status: fc.integer({ min: 0, max: 700 }),
      inBand: fc.boolean(),
      code: fc.string({ maxLength: 20 }),
      type: fc.string({ maxLength: 20 }),
      message: fc.string({ maxLength: 3_000 }),
    });
    const texts = fc.option(fc.string({ maxLength: 40 }), { nil: undefined });
    fc.assert(
      fc.property(anything, texts, (said, text) => {
        const failure = judgeFailure(said, statusRules, { header: () => text, nowMs: 1 });
        expect(Object.hasOwn(failureReasons, failure.class)).toBe(true);
        const { retryAfterMs = 0 } = failure;
        expect(retryAfterMs >= 0 && retryAfterMs <= 86_400_000).toBe(true);
        expect(failure.message.length).toBeLessThanOrEqual(256);
      }),
    );
  });
});

describe("refineFailure", () => {
  const rules: FailureRule[] = [{ id: "own", code: ["x"], class: "RATE_LIMITED" }];

  it("keeps what its rows do not know", () => {
    const failure = judgeFailure(facts({ code: "y" }), statusRules, quiet);
    expect(refineFailure(failure, rules, { status: 400, inBand: false, ...quiet })).toBe(failure);
  });

  it("judges anew what they know, its wait included", () => {
    const failure = judgeFailure(facts({ code: "x" }), statusRules, quiet);
    const answer = { status: 400, inBand: false, header: () => "2", nowMs: 0 };
    expect(failure).toMatchObject({ class: "BAD_REQUEST", unmapped: true });
    const refined = refineFailure(failure, rules, answer);
    expect(refined).toMatchObject({ class: "RATE_LIMITED", rule: "own", unmapped: false });
    expect(refined.retryAfterMs).toBeDefined();
  });
});
