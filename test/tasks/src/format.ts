import { runCommand } from "./commands/run-command.ts";
import { toolPath } from "./commands/workspace.ts";

const formatTimeoutMs = 120_000;

const paths = process.argv.slice(2).filter((path) => path !== "--");
const { exitCode } = await runCommand(toolPath("oxfmt"), paths, {
  relay: true,
  timeoutMs: formatTimeoutMs,
});
process.exitCode = exitCode;
