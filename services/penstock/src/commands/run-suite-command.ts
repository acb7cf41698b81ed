import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { lockDataFolder } from "@penstock/database";
import { runService, systemClock } from "@penstock/runtime";
import { renderCard } from "../card.ts";
import { checkServerUrls } from "../check-server-urls.ts";
import { createWarningEcho, openLogFile } from "../log-file.ts";
import { exitCodes } from "../output/command-error.ts";
import { printError } from "../output/print-error.ts";
import { checkNamedPorts } from "../ports.ts";
import type { SettingFlags, StartSettings } from "../settings.ts";
import { defaultDataDir, readStartSettings, shownPath } from "../settings.ts";
import { requireServers } from "../suite/find-servers.ts";
import { ProcessList } from "../suite/left-behind.ts";
import { Suite } from "../suite/run-suite.ts";
import type { SuiteOptions, SuiteResult } from "../suite/run-suite.ts";
import { postgresElsewhere } from "../suite/start-servers.ts";
import { hurriedStopMs } from "../suite/stop-in-turn.ts";
import { createSuiteLog } from "../suite/suite-log.ts";
import type { SuitePorts } from "../suite/suite-plan.ts";
import { chooseSuitePorts, namedPorts } from "../suite/suite-ports.ts";
import { takeSuiteSecrets } from "../suite/suite-secrets.ts";
import type { CommandIo } from "./command-io.ts";
import { tellLeft } from "./tell-left.ts";

/** Flags of `suite`. */
export interface SuiteFlags extends Pick<
  SettingFlags,
  "dataDir" | "bindAddress" | "busUrl" | "databaseUrl"
> {
  readonly freePorts?: boolean;
  readonly demo: boolean;
}

/** Routers have 5 s for streams, and all parts their own deadlines after that. */
const drainTimeoutMs = 60_000;

/** Runs the suite until a signal ends it; resolves to the exit code. */
export async function runSuiteCommand(io: CommandIo, flags: SuiteFlags): Promise<number> {
  let settings: StartSettings;
  try {
    const { dataDir, bindAddress, busUrl, databaseUrl } = flags;
    settings = readStartSettings({ dataDir, bindAddress, busUrl, databaseUrl }, io.environment);
    checkServerUrls(settings);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.usage;
  }
  let options: SuiteOptions;
  try {
    options = await prepare(io, settings, flags);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.failed;
  }
  const suite = new Suite(options);
  // Its children don't end with it: they are to be stopped in order, as by Ctrl-C.
  io.whenOutputCloses?.(() => process.kill(process.pid, "SIGTERM"));
  return await runService({
    clock: systemClock,
    drainTimeoutMs,
    hurriedDrainMs: hurriedStopMs,
    logger: {
      info: () => undefined,
      error: (message, { cause } = {}) => {
        io.talk(cause === undefined ? `penstock: ${message}\n` : printError(cause).text);
      },
    },
    start: async (signal) => {
      try {
        io.out(card(await suite.start(signal), options));
      } catch (thrown) {
        // Nothing is left behind by a start that failed.
        if (!signal.aborted) await suite.stop(AbortSignal.abort());
        throw thrown;
      }
    },
    drain: async (_deadlineMs, hurry) => {
      io.talk("penstock: stopping all; open streams have 5 s, Ctrl-C again ends them sooner\n");
      await suite.stop(hurry);
    },
  });
}

async function prepare(
  io: CommandIo,
  settings: StartSettings,
  { freePorts = false, demo }: SuiteFlags,
): Promise<SuiteOptions> {
  const { dataDir, busUrl, databaseUrl, bindAddress } = settings;
  const isOwn = { nats: busUrl === undefined, postgres: databaseUrl === undefined };
  requireServers(isOwn);
  const lock = await lockDataFolder(dataDir);
  process.once("exit", () => lock.release(tellLeft(io)));
  const folder = join(dataDir, "suite");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const show = (text: string): void => io.talk(`penstock: ${text}\n`);
  const file = openLogFile(folder, { onWarning: createWarningEcho(show, () => performance.now()) });
  process.once("exit", () => file.close());
  const log = createSuiteLog(io.talk, file.write);
  const processes = new ProcessList(folder);
  const ended = await processes.endLeftBehind([folder, postgresElsewhere(folder)]);
  if (ended.length > 0) log.say(`ended what an earlier suite left behind: ${ended.join(", ")}`);
  const ports = await chooseSuitePorts(settings, freePorts);
  await checkNamedPorts(neededPorts(ports, isOwn), bindAddress);
  const given = settings.adminToken?.reveal();
  const secrets = takeSuiteSecrets(folder, given);
  return { settings, ports, secrets, folder, processes, log, withDemo: demo };
}

function neededPorts(
  ports: SuitePorts,
  isOwn: { readonly nats: boolean; readonly postgres: boolean },
): readonly (readonly [string, number])[] {
  return namedPorts(ports).filter(
    ([name]) => (name !== "bus" || isOwn.nats) && (name !== "database" || isOwn.postgres),
  );
}

function card({ addresses, demo }: SuiteResult, { settings, ports }: SuiteOptions): string {
  const shown = shownPath(settings.dataDir);
  const host = new URL(addresses.PENSTOCK_CONTROL_URL).hostname;
  const routers = ports.routers.slice(1).map(({ http, grpc, admin }, index) => {
    const where = `http://${host}:${http}/v1, gRPC ${host}:${grpc}, admin http://${host}:${admin}`;
    return [`router-${index + 2}`, where] as const;
  });
  return renderCard({
    openaiUrl: addresses.OPENAI_BASE_URL,
    grpcAddress: addresses.PENSTOCK_GRPC_ADDRESS,
    controlUrl: addresses.PENSTOCK_CONTROL_URL,
    adminUrl: addresses.PENSTOCK_ADMIN_URL,
    simulatorUrl: addresses.PENSTOCK_SIMULATOR_URL,
    further: [
      ["quota", addresses.PENSTOCK_QUOTA_URL],
      ["telemetry", addresses.PENSTOCK_TELEMETRY_URL],
      ...routers,
    ],
    key: demo?.key,
    notes: demo?.notes ?? [],
    dataDir: shown,
    logFile: "suite/penstock.log",
    isDefaultDataDir: shown === defaultDataDir,
    readyMs: performance.now(),
  });
}
