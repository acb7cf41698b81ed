import { runChecks } from "./commands/run-checks.ts";

process.exitCode = await runChecks();
