import type { Command } from "commander";
import { readDemoEnv } from "../demo-env.ts";
import type { Finding } from "../doctor/check.ts";
import { checkLocal } from "../doctor/local-checks.ts";
import { checkRemote } from "../doctor/remote-checks.ts";
import { checkServers } from "../doctor/server-checks.ts";
import { exitCodes } from "../output/command-error.ts";
import { printError } from "../output/print-error.ts";
import { renderTable } from "../output/render-table.ts";
import type { SettingFlags, StartSettings } from "../settings.ts";
import { doors, portVariables, readDataDir, readStartSettings } from "../settings.ts";
import type { CommandIo } from "./command-io.ts";
import { addExamples, addOutputOption, addTargetOptions } from "./command-options.ts";
import type { TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";

interface DoctorFlags extends TargetOptions, DoorFlags {
  readonly output: string;
}

type DoorFlags = Pick<
  SettingFlags,
  "httpPort" | "grpcPort" | "controlPort" | "adminPort" | "simulatorPort"
>;

/** Adds `penstock doctor`. */
export function addDoctorCommand(
  program: Command,
  io: CommandIo,
  exit: (code: number) => void,
): void {
  const command = program
    .command("doctor")
    .summary("look for what is wrong")
    .description(
      "Looks at versions, ports, data folder and clock, and at what can be reached: control\n" +
        "services, router, doors, simulator, and the addresses of the providers (without a\n" +
        "credential). The router is asked which credentials of providers it lacks. Ports are those\n" +
        "of the Penstock that runs, else those that a start with the same flags would open.",
    );
  for (const door of doors) {
    command.option(`--${door}-port <port>`, `as given to start (else ${portVariables[door]})`);
  }
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, ["penstock doctor", "penstock doctor -o json"]);
  command.action(async (flags: DoctorFlags) => {
    exit(await runDoctor(io, flags));
  });
}

async function runDoctor(io: CommandIo, flags: DoctorFlags): Promise<number> {
  let settings: StartSettings;
  try {
    settings = readStartSettings({ dataDir: flags.dataDir, ...portFlags(flags) }, io.environment);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.usage;
  }
  const demo = readDemoEnv(readDataDir(flags.dataDir, io.environment));
  const isApart = demo.PENSTOCK_QUOTA_URL !== undefined || settings.quotaUrl !== undefined;
  const local = [
    ...(await checkLocal(settings, demo, isApart)),
    ...(await checkServers(settings, isApart)),
  ];
  let remote: readonly Finding[] = [];
  const silent = { ...io, talk: () => undefined };
  const reached = await withSession(silent, flags, async (session) => {
    const { controlUrl, quotaUrl, telemetryUrl, adminUrl } = session.target;
    const clients = session.control();
    const { router } = session;
    const urls = { controlUrl, quotaUrl, telemetryUrl, adminUrl };
    const caFile = settings.tls?.client.caFile;
    const isDemo = controlUrl === demo.PENSTOCK_CONTROL_URL;
    remote = await checkRemote({ ...urls, clients, router, caFile, demo: isDemo ? demo : {} });
  });
  if (reached !== exitCodes.done) {
    const advice = "Start one, or name it with --control-url, --admin-url and --admin-token.";
    remote = [
      { check: "control", state: "warn", detail: "no running Penstock is known here", advice },
    ];
  }
  return report(io, flags, [...local, ...remote]);
}

function portFlags(flags: DoorFlags): DoorFlags {
  const { httpPort, grpcPort, controlPort, adminPort, simulatorPort } = flags;
  return { httpPort, grpcPort, controlPort, adminPort, simulatorPort };
}

function report(io: CommandIo, flags: DoctorFlags, findings: readonly Finding[]): number {
  if (flags.output === "json") {
    io.out(`${JSON.stringify(findings, undefined, 2)}\n`);
  } else {
    const columns = ["STATE", "CHECK", "DETAIL"].map((heading) => ({ heading }));
    io.out(
      renderTable(
        columns,
        findings.map((f) => [f.state, f.check, f.detail]),
      ),
    );
    const advised = findings.filter((f) => f.advice !== undefined);
    if (advised.length > 0) io.out("\nWhat to do:\n");
    for (const { check, advice } of advised) io.out(`  ${check}: ${advice}\n`);
  }
  const failed = findings.filter(({ state }) => state === "fail").length;
  if (failed === 0) return exitCodes.done;
  io.talk(`penstock: ${failed} of ${findings.length} checks failed.\n`);
  return exitCodes.failed;
}
