import { runCommand } from "../commands/run-command.ts";

const timeoutMs = 900_000;

/**
 * How long `npm test` takes in this checkout as on a machine without servers, in seconds; throws
 * when a test fails.
 */
export async function measureTestRun(): Promise<number> {
  const without = "nats,postgres,python,go";
  const environment = { PENSTOCK_TEST_WITHOUT: without, PENSTOCK_TEST_REQUIRE: "" };
  const run = await runCommand("npm", ["test"], { timeoutMs, environment });
  const { exitCode, output, durationMs } = run;
  const verdict = output.trimEnd().split("\n").at(-1) ?? "";
  if (exitCode !== 0) throw new Error(`npm test failed: ${verdict}`);
  return durationMs / 1_000;
}
