import type { Command } from "commander";
import { addApplyCommand } from "./apply.ts";
import { addCertificatesCommand } from "./certificates.ts";
import type { CommandIo } from "./command-io.ts";
import { addConnectCommand } from "./connect.ts";
import { addDeleteCommand } from "./delete.ts";
import { addDemoCommand } from "./demo.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addExplainCommand } from "./explain.ts";
import { addFailuresCommand } from "./failures.ts";
import { addGetCommand } from "./get.ts";
import { addKeysCommand } from "./keys.ts";
import { addMigrateCommand } from "./migrate.ts";
import { addPresetsCommand } from "./presets.ts";
import { addRoutersCommand } from "./routers.ts";
import { addSuiteCommand } from "./suite.ts";
import { addTargetsCommand } from "./targets.ts";
import { addUsageCommand } from "./usage.ts";
import { addWhyCommand } from "./why.ts";

/** Adds every command but `start`, which must not wait until these are read. */
export function addOtherCommands(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  addGetCommand(program, io, exit);
  addApplyCommand(program, io, exit);
  addDeleteCommand(program, io, exit);
  addKeysCommand(program, io, exit);
  addUsageCommand(program, io, exit);
  addExplainCommand(program, io, exit);
  addWhyCommand(program, io, exit);
  addRoutersCommand(program, io, exit);
  addTargetsCommand(program, io, exit);
  addFailuresCommand(program, io, exit);
  addPresetsCommand(program, io, exit);
  addConnectCommand(program, io, exit);
  addDoctorCommand(program, io, exit);
  addCertificatesCommand(program, io, exit);
  addSuiteCommand(program, io, exit);
  addDemoCommand(program, io, exit);
  addMigrateCommand(program, io, exit);
}
