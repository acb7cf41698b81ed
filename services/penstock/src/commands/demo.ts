import { mkdirSync } from "node:fs";
import type { Command } from "commander";
import { reachableAddress } from "../addresses.ts";
import { readDemoEnv } from "../demo-env.ts";
import { exitCodes } from "../output/command-error.ts";
import { setUpSuiteDemo } from "../set-up-suite-demo.ts";
import type { Door, StartSettings } from "../settings.ts";
import { readStartSettings, shownPath } from "../settings.ts";
import { resolveTarget } from "../target.ts";
import type { Target } from "../target.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addTargetOptions, readAddress, readHttpUrl } from "./command-options.ts";
import type { TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";
import { tellError } from "./tell-error.ts";

interface DemoFlags extends TargetOptions {
  readonly simulatorUrl?: string;
  readonly httpUrl?: string;
  readonly grpcAddress?: string;
}

/** Adds `penstock demo`. */
export function addDemoCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("demo")
    .summary("set up the demo on roles that run as processes")
    .description(
      "Sets up the demo with its two simulated vendors through the control services, waits until\n" +
        "the routers have it, and writes demo.env. What is there already stays as it is. Addresses\n" +
        "that nobody names are those of this machine with the ports of `penstock start`.",
    );
  addTargetOptions(command)
    .option(
      "--simulator-url <url>",
      "simulator, as routers reach it (else of this machine)",
      readHttpUrl,
    )
    .option("--http-url <url>", "HTTP door of a router (else of this machine)", readHttpUrl)
    .option("--grpc-address <host:port>", "its gRPC door (else of this machine)", readAddress);
  addExamples(command, [
    "penstock demo",
    "penstock demo --control-url http://policy:8082 --simulator-url http://simulator:8084",
  ]);
  command.action(async (flags: DemoFlags) => {
    exit(await runDemo(io, flags));
  });
}

async function runDemo(io: CommandIo, flags: DemoFlags): Promise<number> {
  let settings: StartSettings;
  try {
    settings = readStartSettings({ dataDir: flags.dataDir }, io.environment);
  } catch (thrown) {
    return tellError(io, thrown, { exitCode: exitCodes.usage });
  }
  const { dataDir, openaiKey } = settings;
  return await withSession(io, withDefaultTarget(io, flags, settings), async (session) => {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const values = valuesFor(session.target, settings, flags);
    const clients = session.control();
    const { key, notes } = await setUpSuiteDemo({ clients, dataDir, openaiKey, values });
    for (const note of notes) io.talk(`penstock: ${note}\n`);
    if (key === undefined) io.talk("penstock: the demo's key was removed; demo.env has none\n");
    io.talk(`penstock: the demo is in use; ${shownPath(`${dataDir}/demo.env`)} is written\n`);
  });
}

/** Where nobody names a Penstock, the control port of this machine is meant. */
function withDefaultTarget(io: CommandIo, flags: DemoFlags, settings: StartSettings): DemoFlags {
  try {
    resolveTarget(flags, readDemoEnv(settings.dataDir), io.environment);
    return flags;
  } catch {
    return {
      ...flags,
      controlUrl: flags.controlUrl ?? `http://${ofThisMachine(settings, "control")}`,
    };
  }
}

function valuesFor(target: Target, settings: StartSettings, flags: DemoFlags) {
  const { controlUrl, quotaUrl, telemetryUrl, adminUrl, token } = target;
  const here = (door: Door): string => ofThisMachine(settings, door);
  return {
    OPENAI_BASE_URL: `${flags.httpUrl ?? `http://${here("http")}`}/v1`,
    PENSTOCK_GRPC_ADDRESS: flags.grpcAddress ?? here("grpc"),
    PENSTOCK_CONTROL_URL: controlUrl,
    ...(quotaUrl === controlUrl ? {} : { PENSTOCK_QUOTA_URL: quotaUrl }),
    ...(telemetryUrl === controlUrl ? {} : { PENSTOCK_TELEMETRY_URL: telemetryUrl }),
    PENSTOCK_ADMIN_URL: adminUrl ?? `http://${here("admin")}`,
    ...(token === undefined ? {} : { PENSTOCK_ADMIN_TOKEN: token.reveal() }),
    PENSTOCK_SIMULATOR_URL: flags.simulatorUrl ?? `http://${here("simulator")}`,
  };
}

function ofThisMachine({ bindAddress, ports }: StartSettings, door: Door): string {
  return reachableAddress(bindAddress, ports[door]);
}
