import type { Command } from "commander";
import { inheritedEnvironment } from "@penstock/runtime";
import { checkServerUrls } from "../check-server-urls.ts";
import { readDemoEnv } from "../demo-env.ts";
import type { Finding } from "../doctor/check.ts";
import { checkLocal } from "../doctor/local-checks.ts";
import { checkRemote } from "../doctor/remote-checks.ts";
import type { RemoteFindings } from "../doctor/remote-checks.ts";
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

interface DoctorFlags extends TargetOptions, DoorFlags, ServerFlags {
  readonly output: string;
  readonly tlsCa?: string;
}

type ServerFlags = Pick<SettingFlags, "busUrl" | "busCredentials" | "busCa" | "databaseUrl">;

type DoorFlags = Pick<
  SettingFlags,
  "httpPort" | "grpcPort" | "controlPort" | "adminPort" | "simulatorPort"
>;

/** Of a suite; each wins over the variable that the roles have it from. */
const serverOptions = [
  ["--quota-url <url>", "quota alone (else PENSTOCK_QUOTA_URL, demo.env)"],
  ["--bus-url <url>", "NATS (else PENSTOCK_BUS_URL)"],
  ["--bus-credentials <file>", "its user (else PENSTOCK_BUS_CREDENTIALS)"],
  ["--bus-ca <file>", "authorities of its certificate (else PENSTOCK_BUS_CA)"],
  ["--database-url <url>", "PostgreSQL (else PENSTOCK_DATABASE_URL)"],
  ["--tls-ca <file>", "authorities of the services' certificates (else PENSTOCK_TLS_CA)"],
] as const;

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
        "of the Penstock that runs, else those that a start with the same flags would open.\n" +
        "Of several processes it knows the addresses that the roles have from their environment,\n" +
        "those of demo.env, and those given by flags.",
    );
  for (const door of doors) {
    command.option(`--${door}-port <port>`, `as given to start (else ${portVariables[door]})`);
  }
  for (const [flag, what] of serverOptions) command.option(flag, what);
  addOutputOption(addTargetOptions(command), ["table", "json"]);
  addExamples(command, [
    "penstock doctor",
    "penstock doctor -o json",
    "penstock doctor --control-url http://policy:8082 --quota-url http://quota:8082 --bus-url nats://nats",
  ]);
  command.action(async (flags: DoctorFlags) => {
    exit(await runDoctor(io, flags));
  });
}

async function runDoctor(terminal: CommandIo, flags: DoctorFlags): Promise<number> {
  const io = withTlsCa(terminal, flags.tlsCa);
  let settings: StartSettings;
  try {
    const given = { dataDir: flags.dataDir, ...portFlags(flags), ...serverFlags(flags) };
    settings = readStartSettings(given, io.environment);
    checkServerUrls(settings);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.usage;
  }
  const demo = readDemoEnv(readDataDir(flags.dataDir, io.environment));
  const isNamedApart =
    [settings.roles, settings.policyUrl, settings.quotaUrl, settings.telemetryUrl].some(Boolean) ||
    [flags.quotaUrl, flags.telemetryUrl, demo.PENSTOCK_QUOTA_URL].some(Boolean);
  let remote: RemoteFindings = { findings: [], isApart: false };
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
    const detail = "no running Penstock is known here";
    remote = { findings: [{ check: "control", state: "warn", detail, advice }], isApart: false };
  }
  const local = [
    ...(await checkLocal(settings, demo, isNamedApart)),
    ...(await checkServers(settings, isNamedApart || remote.isApart)),
  ];
  return report(io, flags, [...local, ...remote.findings]);
}

/** The same terminal with the authorities of a flag in the place of those of the environment. */
function withTlsCa(io: CommandIo, tlsCa: string | undefined): CommandIo {
  if (tlsCa === undefined) return io;
  const given = io.environment ?? inheritedEnvironment({});
  const environment = { ...given, PENSTOCK_TLS_CA: tlsCa, PENSTOCK_TLS_CA_FILE: undefined };
  return { ...io, environment };
}

function serverFlags(flags: ServerFlags): ServerFlags {
  const { busUrl, busCredentials, busCa, databaseUrl } = flags;
  return { busUrl, busCredentials, busCa, databaseUrl };
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
