import { Command, CommanderError } from "commander";
import { buildVersion } from "../build-version.ts";
import { exitCodes, UsageError } from "../output/command-error.ts";
import { printableLines } from "../output/printable.ts";
import type { CommandIo } from "./command-io.ts";
import { addStartCommand } from "./start.ts";
import { tellError } from "./tell-error.ts";

/** Runs the command line; resolves to the exit code. */
export async function runProgram(
  parameters: readonly string[],
  surroundings: CommandIo,
): Promise<number> {
  const io = {
    ...surroundings,
    // What others have said is told as well: providers, and whoever wrote a manifest.
    talk: (text: string) => surroundings.talk(printableLines(text)),
    errorsAsJson: asksForJson(parameters),
  };
  let exitCode: number = exitCodes.done;
  const exit = (code: number): void => void (exitCode = code);
  const program = new Command("penstock")
    .description("Penstock, a self-hosted AI gateway: runs it, configures it, looks into it.")
    .version(buildVersion)
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.errorsAsJson ? () => undefined : io.talk })
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
    if (thrown.exitCode === 0) return exitCodes.done;
    return io.errorsAsJson ? tellError(io, misuse(thrown)) : exitCodes.usage;
  }
}

/** Looked for before the command line is read: what is wrong with that is told as JSON as well. */
function asksForJson(parameters: readonly string[]): boolean {
  const end = parameters.indexOf("--");
  const flags = end < 0 ? parameters : parameters.slice(0, end);
  return flags.some((flag, at) => {
    const isValue = ["-o", "--output"].includes(flags[at - 1] ?? "");
    return isValue ? flag === "json" : ["-ojson", "--output=json"].includes(flag);
  });
}

/** The library's messages begin with a word that the object needs no more. */
function misuse({ code, message }: CommanderError): UsageError {
  if (code === "commander.help") return new UsageError("which command? --help lists them.");
  return new UsageError(message.replace(/^error: /, ""));
}

const overview = `
Exit codes:
  0  done
  1  it was tried, and was refused or failed
  2  the command line, a setting or a file that they name is wrong; nothing was tried
  3  nobody answered, or no Penstock is known here
Data goes to standard output, talk to standard error; with -o json the last line of it is what
went wrong, as an object with reason, message, exitCode and what else is known.
In a clone, penstock is run as: npm run -s penstock -- <command>

Examples:
  penstock start                        all roles, with a demo
  penstock get all                      what is configured
  penstock apply -f gateway.yaml        change it
  penstock usage --group-by project     what it cost
  penstock why <request-id>             what happened to a request
`;
