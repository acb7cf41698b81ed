/** What a test run came to. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The test files that took longest, slowest first. */
  readonly slowest: readonly { readonly file: string; readonly durationMs: number }[];
}

interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly { readonly status: string }[];
}

const slowestShown = 5;

/**
 * Counts tests from the text of vitest's JSON report. A file that failed before any of its tests
 * ran, and a run that failed for a reason outside of all tests, count as one failure each, so
 * that nothing red is ever counted as zero.
 */
export function countResults(report: string | undefined, exitCode: number): TestCounts {
  const files = readFiles(report);
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === "passed").length;
  const failedTests = tests.filter((test) => test.status === "failed").length;
  const brokenFiles = files.filter(
    (file) =>
      file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const known = failedTests + brokenFiles;
  return {
    passed,
    failed: known === 0 && exitCode !== 0 ? 1 : known,
    skipped: tests.length - passed - failedTests,
    slowest: files
      .map((file) => ({ file: file.name, durationMs: file.endTime - file.startTime }))
      .toSorted((left, right) => right.durationMs - left.durationMs)
      .slice(0, slowestShown),
  };
}

function readFiles(report: string | undefined): readonly FileReport[] {
  if (report === undefined) return [];
  return (JSON.parse(report) as { testResults: readonly FileReport[] }).testResults;
}
