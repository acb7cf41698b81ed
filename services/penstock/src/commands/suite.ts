import type { Command } from "commander";
import type { CommandIo } from "./command-io.ts";
import { addExamples } from "./command-options.ts";
import type { SuiteFlags } from "./run-suite-command.ts";

/** Adds `penstock suite`. Its work is read only when it runs. */
export function addSuiteCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("suite")
    .summary("run every role as a process of its own on this machine")
    .description(
      "Starts NATS and PostgreSQL where they are installed (or uses PENSTOCK_BUS_URL and\n" +
        "PENSTOCK_DATABASE_URL), then policy, quota, telemetry, the simulator and two routers as\n" +
        "processes, with one log. What ends unasked is started again; Ctrl-C drains all.",
    )
    .option("--data-dir <folder>", "everything stored (PENSTOCK_DATA_DIR, .penstock)")
    .option("--bind-address <address>", "(PENSTOCK_BIND_ADDRESS, 127.0.0.1)")
    .option("--bus-url <url>", "NATS that is there already (PENSTOCK_BUS_URL)")
    .option("--database-url <url>", "PostgreSQL that is there already (PENSTOCK_DATABASE_URL)")
    .option("--free-ports", "any free ports instead of the usual ones")
    .option("--no-demo", "configure nothing by itself");
  addExamples(command, ["penstock suite", "penstock suite --free-ports --data-dir /tmp/suite"]);
  command.action(async (flags: SuiteFlags) => {
    const { runSuiteCommand } = await import("./run-suite-command.ts");
    exit(await runSuiteCommand(io, flags));
  });
}
