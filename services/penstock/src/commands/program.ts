import { Command, CommanderError } from "commander";
import { buildVersion } from "../build-version.ts";
import { exitCodes } from "../output/print-error.ts";
import type { CommandIo } from "./command-io.ts";
import { addStartCommand } from "./start.ts";

/** Runs the command line; resolves to the exit code. */
export async function runProgram(parameters: readonly string[], io: CommandIo): Promise<number> {
  let exitCode: number = exitCodes.done;
  const exit = (code: number): void => void (exitCode = code);
  const program = new Command("penstock")
    .description("Penstock, a self-hosted AI gateway: runs it, configures it, looks into it.")
    .version(buildVersion)
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.talk })
    .showHelpAfterError("(--help shows how it is meant)")
    .addHelpText("after", overview);
  addStartCommand(program, io, exit);
  if (parameters[0] !== "start") {
    const { addOtherCommands } = await import("./other-commands.ts");
    addOtherCommands(program, io, exit);
  }
  try {
    await program.parseAsync([...parameters], { from: "user" });
    return exitCode;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
}

const overview = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 nobody answered.
Data goes to standard output, talk to standard error.
In a clone, penstock is run as: npm run -s penstock -- <command>

Examples:
  penstock start                        all roles, with a demo
  penstock get all                      what is configured
  penstock apply -f gateway.yaml        change it
  penstock usage --group-by project     what it cost
  penstock why <request-id>             what happened to a request
`;
