import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { missingServers } from "@penstock/test-support";
import { countResults } from "../results/count-results.ts";
import { readNotRun } from "../results/not-run.ts";
import { runCommand } from "./run-command.ts";
import { root } from "./workspace.ts";

/** Which tests to run. */
export interface TestSelection {
  /** Only the files named *.long.test.ts instead of all the others. */
  readonly long: boolean;
  /** Paths as the user typed them; none = everything. */
  readonly filters: readonly string[];
  readonly timeoutMs: number;
}

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const config = join("test", "vitest.config.ts");

/** Runs tests, prints what a reader needs and, last, `N passed, N failed`; returns the exit code. */
export async function runTests(selection: TestSelection): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "penstock-test-"));
  try {
    return await runIn(folder, selection);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, selection: TestSelection): Promise<number> {
  const reportFile = join(folder, "report.json");
  const notRunFile = join(folder, "not-run.txt");
  const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${reportFile}`];
  const filters = selection.filters.filter((filter) => filter !== "--");
  const missing = missingServers();
  const shape = "integration tests on separate processes";
  if (missing.length > 0) {
    writeFileSync(notRunFile, `${shape}: ${missing.join(" and ")} not installed\n`);
  }
  const result = await runCommand(
    process.execPath,
    [vitest, "run", "--config", config, ...reporters, ...filters],
    {
      relay: true,
      timeoutMs: selection.timeoutMs,
      environment: {
        PENSTOCK_TEST_NOT_RUN_FILE: notRunFile,
        PENSTOCK_TEST_SERVERS: missing.length === 0 ? "1" : "0",
        ...(selection.long ? { PENSTOCK_TEST_LONG: "1" } : {}),
      },
    },
  );
  const counts = countResults(readIfThere(reportFile), result.exitCode);
  const notRun = readNotRun(
    readIfThere(notRunFile) ?? "",
    process.env["PENSTOCK_TEST_REQUIRE"] ?? "",
  );
  for (const { file, durationMs } of counts.slowest) {
    console.log(`${(durationMs / 1000).toFixed(1).padStart(7)} s  ${relative(root, file)}`);
  }
  for (const line of notRun.lines) console.log(line);
  if (counts.skipped > 0) console.log(`${counts.skipped} skipped`);
  const failed = counts.failed + notRun.failed;
  console.log(`${counts.passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function readIfThere(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
