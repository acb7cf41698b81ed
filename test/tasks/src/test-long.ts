import { runTests } from "./commands/run-tests.ts";

const threeHoursMs = 10_800_000;

process.exitCode = await runTests({
  long: true,
  filters: process.argv.slice(2),
  timeoutMs: threeHoursMs,
});
