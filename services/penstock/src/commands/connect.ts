import type { Command } from "commander";
import { Argument, InvalidArgumentError } from "commander";
import { reachableAddress } from "../addresses.ts";
import { readDemoEnv } from "../demo-env.ts";
import { exitCodes, UsageError } from "../output/command-error.ts";
import { readDataDir, readStartSettings } from "../settings.ts";
import { agentConfiguration, codingAgents } from "./agent-configuration.ts";
import type { CodingAgent } from "./agent-configuration.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, readHttpUrl } from "./command-options.ts";
import { tellError } from "./tell-error.ts";

interface ConnectFlags {
  readonly httpUrl?: string;
  readonly keyVariable: string;
  readonly model?: string;
  readonly smallModel?: string;
  readonly dataDir?: string;
  readonly output: string;
}

/** Adds `penstock connect`. */
export function addConnectCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("connect")
    .summary("print what makes a coding agent ask Penstock")
    .description(
      "Prints the configuration of a coding agent to copy: variables for Claude Code, settings for\n" +
        "Codex and opencode. Nothing is written, and no key is printed: the agent reads it from a variable.",
    )
    .addArgument(new Argument("<agent>", "which agent").choices(codingAgents))
    .option(
      "--http-url <url>",
      "HTTP door of a router (else demo.env, else of this machine)",
      readHttpUrl,
    )
    .option("--key-variable <name>", "variable with the virtual key", readName, "PENSTOCK_API_KEY")
    .option("--model <model>", "model to ask for")
    .option("--small-model <model>", "model for small tasks (claude-code, opencode)")
    .option("--data-dir <folder>", "where demo.env is (else PENSTOCK_DATA_DIR, .penstock)");
  addOutputOption(command, ["table", "json"]);
  addExamples(command, [
    "penstock connect claude-code --model smart --small-model cheap",
    "penstock connect codex --model smart >> ~/.codex/config.toml",
    "penstock connect opencode --model smart > ~/.config/opencode/opencode.json",
    "penstock connect codex --http-url https://penstock.internal -o json",
  ]);
  command.action((agent: CodingAgent, flags: ConnectFlags) => {
    exit(runConnect(io, agent, flags));
  });
}

function runConnect(io: CommandIo, agent: CodingAgent, flags: ConnectFlags): number {
  let url: string;
  try {
    if (agent === "codex" && flags.smallModel !== undefined) {
      throw new UsageError(
        "Codex has no setting for a model of small tasks: leave --small-model out.",
      );
    }
    url = flags.httpUrl ?? findUrl(io, flags.dataDir);
  } catch (thrown) {
    return tellError(io, thrown, { exitCode: exitCodes.usage });
  }
  const configuration = agentConfiguration(agent, {
    url,
    keyVariable: flags.keyVariable,
    model: flags.model,
    smallModel: flags.smallModel,
  });
  if (flags.output === "json") io.out(`${JSON.stringify(configuration, undefined, 2)}\n`);
  else {
    io.out(configuration.text);
    io.talk(`penstock: goes to ${configuration.place}\n`);
  }
  return exitCodes.done;
}

function findUrl(io: CommandIo, dataDir: string | undefined): string {
  const { OPENAI_BASE_URL: demo } = readDemoEnv(readDataDir(dataDir, io.environment));
  if (demo !== undefined && URL.canParse(demo)) return new URL(demo).origin;
  const { bindAddress, ports } = readStartSettings({ dataDir }, io.environment);
  return `http://${reachableAddress(bindAddress, ports.http)}`;
}

function readName(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be the name of a variable.");
}
