import type { Command } from "commander";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption } from "./command-options.ts";
import type { MigrateFlags } from "./run-migrate.ts";

/** Adds `penstock migrate`. Its work is read only when it runs. */
export function addMigrateCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("migrate")
    .summary("bring a PostgreSQL database to this version")
    .description(
      "Brings the schemas of policy, quota and telemetry to the state of this version. May be\n" +
        "run again and beside others; roles that lack a migration wait until it was run.",
    )
    .option("--database-url <url>", "PostgreSQL (PENSTOCK_DATABASE_URL)")
    .option("--wait <duration>", "how long to wait for the server to answer", "30s");
  addOutputOption(command, ["table", "json"]);
  addExamples(command, [
    "penstock migrate",
    "penstock migrate --database-url postgres://penstock@db/penstock -o json",
  ]);
  command.action(async (flags: MigrateFlags) => {
    const { runMigrate } = await import("./run-migrate.ts");
    exit(await runMigrate(io, flags));
  });
}
