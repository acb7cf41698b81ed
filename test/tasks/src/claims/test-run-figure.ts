import { runCommand } from "../commands/run-command.ts";

const timeoutMs = 900_000;

/** How long `npm test` takes in this checkout, in seconds; throws when a test fails. */
export async function measureTestRun(): Promise<number> {
  const { exitCode, output, durationMs } = await runCommand("npm", ["test"], { timeoutMs });
  const verdict = output.trimEnd().split("\n").at(-1) ?? "";
  if (exitCode !== 0) throw new Error(`npm test failed: ${verdict}`);
  return durationMs / 1_000;
}
