import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../commands/run-command.ts";
import { root } from "../commands/workspace.ts";

interface Figure {
  readonly claim: string;
  readonly figure: number;
  readonly table?: string;
}

const folder = join("test", "integration");
const timeoutMs = 300_000;
const runs = new Map<string, Promise<readonly Figure[]>>();

/** Runs the test file that reports the claim, and takes the largest of the figures it reported. */
export async function measureByTest(claim: string): Promise<number> {
  const file = findTest(claim);
  const run = runs.get(file) ?? runTest(file);
  runs.set(file, run);
  const reported = (await run).filter((one) => one.claim === claim);
  for (const { table } of reported) if (table !== undefined) console.log(table);
  const figures = reported.map(({ figure }) => figure);
  if (figures.length === 0) throw new Error(`${file} reported no figure of ${claim}`);
  return Math.max(...figures);
}

/** The file that calls `reportClaim` with this id; a long test where no short one does. */
function findTest(claim: string): string {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  const reporting = names
    .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"))
    .filter((name) => readFileSync(join(root, folder, name), "utf8").includes(`"${claim}"`));
  const name = reporting.find((one) => !isLong(one)) ?? reporting[0];
  if (name === undefined) throw new Error(`no test in ${folder} reports ${claim}`);
  return join(folder, name);
}

function isLong(file: string): boolean {
  return file.endsWith(".long.test.ts");
}

async function runTest(file: string): Promise<readonly Figure[]> {
  const temporary = mkdtempSync(join(tmpdir(), "penstock-claim-"));
  const figures = join(temporary, "figures.jsonl");
  try {
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    const parameters = [vitest, "run", "--config", "test/vitest.config.ts", file];
    const environment = {
      PENSTOCK_CLAIM_FILE: figures,
      NO_COLOR: "1",
      ...(isLong(file) ? { PENSTOCK_TEST_LONG: "1" } : {}),
    };
    const result = await runCommand(process.execPath, parameters, { timeoutMs, environment });
    if (result.exitCode !== 0) throw new Error(`${file} failed\n${lastLines(result.output)}`);
    return readFigures(figures);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function readFigures(file: string): readonly Figure[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Figure);
}

function lastLines(output: string): string {
  const shown = 40;
  return output.trimEnd().split("\n").slice(-shown).join("\n");
}
