import { failureReasons } from "@penstock/formats";
import type { FailureClass } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { errorOfAttempt } from "./attempt-error.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

function errorOf(failureClass: FailureClass, retryAfterMs?: number) {
  const [target] = sampleSnapshot().routes.get("routes/smart")?.targets ?? [];
  if (target === undefined) throw new Error("the sample has a route");
  const failure = { class: failureClass, retryAfterMs, providerCode: "", providerMessage: "" };
  return errorOfAttempt({ target, committed: false, httpStatus: 401 }, failure, 1);
}

describe("errorOfAttempt", () => {
  it.each(["AUTH_FAILED", "PERMISSION", "MODEL_NOT_FOUND", "QUOTA_EXHAUSTED"] as const)(
    "sends a caller to the administrator after %s, and does not promise that time helps",
    (failureClass) => {
      const error = errorOf(failureClass);
      expect(error.message).toMatch(/ An administrator must act\.$/);
      expect(error.message).not.toMatch(/[Tt]ry again/);
      expect(error.retryAfterMs).toBeUndefined();
    },
  );

  it("passes on when the provider itself names a time", () => {
    expect(errorOf("QUOTA_EXHAUSTED", 60_000).retryAfterMs).toBe(60_000);
  });

  it("names a time wherever it says later", () => {
    for (const failureClass of Object.keys(failureReasons) as FailureClass[]) {
      const error = errorOf(failureClass);
      if (error.message.includes("later")) expect(error.retryAfterMs).toBe(1_000);
    }
    expect(errorOf("OVERLOADED").message).toMatch(/ Try again later\.$/);
  });
});
