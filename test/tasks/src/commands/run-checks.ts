import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareGenerated } from "../generation/compare-generated.ts";
import { compareErrorPages, errorPages, readErrorPages } from "../generation/error-pages.ts";
import { generateApi, readGenerated } from "../generation/generate-api.ts";
import { compareLossTable } from "../generation/loss-table.ts";
import { compareSettingFiles } from "../generation/settings.ts";
import { runCommand } from "./run-command.ts";
import { root, toolPath, workspaceFolders } from "./workspace.ts";

interface CheckResult {
  readonly passed: boolean;
  readonly output: string;
}

interface Check {
  readonly name: string;
  readonly run: () => Promise<CheckResult>;
}

const checkTimeoutMs = 600_000;

const checks: readonly Check[] = [
  { name: "types", run: () => runTool("tsc", ["-b", ...workspaceFolders()]) },
  {
    name: "lint",
    run: () => runTool("oxlint", ["--type-aware", "--config", ".oxlintrc.json", "."]),
  },
  { name: "format", run: () => runTool("oxfmt", ["--check", "."]) },
  { name: "proto lint", run: () => runTool("buf", ["lint"], join(root, "proto")) },
  { name: "generated code", run: checkGenerated },
  { name: "error pages", run: checkErrorPages },
  { name: "tidy", run: checkTidy },
];

/** Runs all checks side by side, prints a line each, output of failed ones, and the sum. */
export async function runChecks(): Promise<number> {
  const results = await Promise.all(checks.map(runTimed));
  const failed = results.filter((passed) => !passed).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function runTimed(check: Check): Promise<boolean> {
  const startedMs = performance.now();
  const result = await check.run().catch((error: unknown): CheckResult => ({
    passed: false,
    output: error instanceof Error ? error.message : String(error),
  }));
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${result.passed ? "ok    " : "FAILED"} ${check.name.padEnd(15)} ${seconds} s`);
  if (!result.passed) console.log(result.output.trimEnd().replaceAll(/^/gm, "    "));
  return result.passed;
}

async function runTool(
  name: string,
  parameters: readonly string[],
  folder = root,
): Promise<CheckResult> {
  const result = await runCommand(toolPath(name), parameters, {
    folder,
    timeoutMs: checkTimeoutMs,
  });
  return { passed: result.exitCode === 0, output: result.output };
}

async function checkGenerated(): Promise<CheckResult> {
  const target = mkdtempSync(join(tmpdir(), "penstock-generate-"));
  try {
    await generateApi(target);
    const problems = [
      ...compareGenerated(readGenerated(root), readGenerated(target)),
      ...compareLossTable(),
      ...(await compareSettingFiles(root)),
    ];
    const advice = problems.length === 0 ? [] : ["run `npm run generate` and commit the result"];
    return { passed: problems.length === 0, output: [...problems, ...advice].join("\n") };
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

async function checkErrorPages(): Promise<CheckResult> {
  const problems = compareErrorPages(readErrorPages(root), errorPages());
  const advice = problems.length === 0 ? [] : ["run `npm run generate` and commit the result"];
  return { passed: problems.length === 0, output: [...problems, ...advice].join("\n") };
}

async function checkTidy(): Promise<CheckResult> {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const parameters = ["run", "--config", "test/vitest.config.ts", "test/architecture"];
  const result = await runCommand(process.execPath, [vitest, ...parameters], {
    timeoutMs: checkTimeoutMs,
    environment: { NO_COLOR: "1" },
  });
  return { passed: result.exitCode === 0, output: result.output };
}
