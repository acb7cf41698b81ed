import { describe, expect, it } from "vitest";
import { countResults } from "./count-results.ts";

function report(files: { status: string; tests: string[]; tookMs?: number }[]): string {
  return JSON.stringify({
    testResults: files.map((file, index) => ({
      name: `file-${index}`,
      status: file.status,
      startTime: 1_000,
      endTime: 1_000 + (file.tookMs ?? 0),
      assertionResults: file.tests.map((status) => ({ status })),
    })),
  });
}

describe("countResults", () => {
  it("counts tests by status", () => {
    const text = report([{ status: "failed", tests: ["passed", "failed", "skipped", "passed"] }]);
    expect(countResults(text, 1)).toMatchObject({ passed: 2, failed: 1, skipped: 1 });
  });

  it("counts a file that broke before its first test as a failure", () => {
    const text = report([
      { status: "failed", tests: [] },
      { status: "passed", tests: ["passed"] },
    ]);
    expect(countResults(text, 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  it("counts a file whose tests passed but whose teardown failed as a failure", () => {
    const text = report([{ status: "failed", tests: ["passed"] }]);
    expect(countResults(text, 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  it("never calls a failed run all green", () => {
    expect(countResults(report([{ status: "passed", tests: ["passed"] }]), 1).failed).toBe(1);
    expect(countResults(undefined, 1)).toMatchObject({ passed: 0, failed: 1 });
  });

  it("names the slowest files first", () => {
    const text = report([
      { status: "passed", tests: ["passed"], tookMs: 3 },
      { status: "passed", tests: ["passed"], tookMs: 9 },
    ]);
    expect(countResults(text, 0).slowest.map((one) => one.file)).toEqual(["file-1", "file-0"]);
  });
});
