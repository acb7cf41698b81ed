import { describe, expect, it } from "vitest";
import { FailureSamples } from "./failure-samples.ts";
import type { FailureSample } from "./failure-samples.ts";

function sample(change: Partial<FailureSample> = {}): FailureSample {
  return {
    deployment: "deployments/a",
    providerKind: "openai",
    httpStatus: 429,
    providerCode: "new_code",
    providerType: "",
    message: "first",
    class: "RATE_LIMITED",
    ...change,
  };
}

describe("FailureSamples", () => {
  it("counts a kind of error once, with its newest words", () => {
    const samples = new FailureSamples();
    expect(samples.add(sample(), 1)).toBe(true);
    expect(samples.add(sample({ httpStatus: 500 }), 2)).toBe(true);
    expect(samples.add(sample({ message: "second" }), 3)).toBe(false);
    expect(samples.list()).toMatchObject([
      { httpStatus: 429, count: 2, firstMs: 1, lastMs: 3, message: "second" },
      { httpStatus: 500, count: 1 },
    ]);
  });

  it("keeps the 200 kinds that came last, however many a provider invents", () => {
    const samples = new FailureSamples();
    for (let at = 0; at < 1_000; at += 1) samples.add(sample({ providerCode: `code_${at}` }), at);
    expect(samples.list()).toHaveLength(200);
    expect(samples.list()[0]).toMatchObject({ providerCode: "code_999" });
  });
});
