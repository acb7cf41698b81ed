import { runTests } from "./commands/run-tests.ts";

const fifteenMinutesMs = 900_000;

process.exitCode = await runTests({
  long: false,
  filters: process.argv.slice(2),
  timeoutMs: fifteenMinutesMs,
});
