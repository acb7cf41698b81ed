import { performance } from "node:perf_hooks";
import process from "node:process";
import type { FolderLock } from "@penstock/database";
import { lockDataFolder, openDatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { createObservability, observabilityEnvironment } from "@penstock/observability";
import type { ServiceLogger } from "@penstock/runtime";
import { readEnvironment, runService, systemClock } from "@penstock/runtime";
import { renderCard } from "../card.ts";
import { checkRoles } from "../check-roles.ts";
import { checkServerUrls } from "../check-server-urls.ts";
import { ConfigFile } from "../config-file.ts";
import type { LogFile } from "../log-file.ts";
import { createWarningEcho, openLogFile } from "../log-file.ts";
import { exitCodes } from "../output/command-error.ts";
import { printError } from "../output/print-error.ts";
import { checkPorts } from "../ports.ts";
import { checkReplicaName } from "../replica-identity.ts";
import { doorsOf } from "../roles.ts";
import type { SettingFlags, StartSettings } from "../settings.ts";
import { defaultDataDir, doors, readStartSettings, shownPath } from "../settings.ts";
import type { Started } from "../start-everything.ts";
import { startVariables } from "../start-variables.ts";
import { warnUnknownSettings } from "../warn-unknown-settings.ts";
import { readRouterWorkers } from "../workers/read-workers.ts";
import { placeOfThisWorker } from "../workers/worker-place.ts";
import type { CommandIo } from "./command-io.ts";
import { tellLeft } from "./tell-left.ts";

/** Flags of `start`. */
export interface StartFlags extends Omit<SettingFlags, "migrate"> {
  readonly config?: string;
  readonly demo: boolean;
  /** True for the flag without a value. */
  readonly migrate?: string | boolean;
}

/** How long streams have after Ctrl-C. */
const streamsDeadlineMs = 5_000;
/** Flushing usage and closing the database come after the streams. */
const drainTimeoutMs = streamsDeadlineMs + 10_000;

/**
 * Runs all roles, or those named, until a signal ends them; resolves to the exit code. Settings,
 * ports and data folder are looked at first, so that a start that can't succeed opens and writes
 * nothing.
 */
export async function runStart(io: CommandIo, flags: StartFlags): Promise<number> {
  let settings: StartSettings;
  let config: ConfigFile | undefined;
  try {
    if (isMigration(flags, io)) return await migrateOnly(io, flags);
    const migrate = flags.migrate === true ? "on" : flags.migrate || undefined;
    settings = readStartSettings({ ...flags, migrate }, io.environment);
    checkRoles(settings);
    checkServerUrls(settings);
    checkReplicaName(settings.replica);
    readEnvironment(observabilityEnvironment);
    readRouterWorkers(settings.roles, io.environment);
    if (flags.config !== undefined) config = ConfigFile.open(flags.config, io.talk);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.usage;
  }
  if (settings.roles !== undefined && placeOfThisWorker() !== undefined) {
    // Ports and folder are its primary's.
    const { runRoles } = await import("./run-roles.ts");
    return await runRoles(io, settings, settings.roles);
  }
  let lock: FolderLock;
  try {
    config?.check();
    const needed = settings.roles === undefined ? doors : doorsOf(settings.roles);
    await checkPorts(settings.ports, settings.bindAddress, needed);
    lock = await lockDataFolder(settings.dataDir);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.failed;
  }
  if (settings.roles !== undefined) {
    process.once("exit", () => lock.release(tellLeft(io)));
    const { runRoles } = await import("./run-roles.ts");
    return await runRoles(io, settings, settings.roles);
  }
  const show = (text: string): void => io.talk(`penstock: ${text}\n`);
  const onWarning = createWarningEcho(show, () => performance.now());
  const log = openLogFile(settings.dataDir, { onWarning });
  process.once("exit", () => {
    log.close();
    lock.release(tellLeft(io));
  });
  return await runEverything(io, { settings, flags, config, log });
}

/** `--role migrate` is for where only the roles can be chosen, such as an init container. */
function isMigration(flags: StartFlags, io: CommandIo): boolean {
  const surroundings = io.environment === undefined ? {} : { environment: io.environment };
  const { role } = readEnvironment({ role: startVariables.role }, surroundings);
  return (flags.role ?? role)?.trim() === "migrate";
}

async function migrateOnly(io: CommandIo, { databaseUrl }: StartFlags): Promise<number> {
  const { runMigrate } = await import("./run-migrate.ts");
  const target = databaseUrl === undefined ? {} : { databaseUrl };
  return await runMigrate(io, { ...target, wait: "1h", output: "table" });
}

interface Preparations {
  readonly settings: StartSettings;
  readonly flags: StartFlags;
  readonly config: ConfigFile | undefined;
  readonly log: LogFile;
}

async function runEverything(io: CommandIo, preparations: Preparations): Promise<number> {
  const { settings, flags, config, log } = preparations;
  const observability = await createObservability({
    serviceName: "penstock",
    environment: { ...readEnvironment(observabilityEnvironment), logFormat: "json" },
    clock: systemClock,
    writeLog: log.write,
  });
  const { logger } = observability;
  warnUnknownSettings(logger, io);
  const { databaseUrl, dataDir } = settings;
  const database = openDatabaseServer({ url: databaseUrl, dataDir, logger });
  // Reported by the composition, which awaits it a little later.
  database.catch(() => undefined);
  let started: Started | undefined;
  return await runService({
    clock: systemClock,
    drainTimeoutMs,
    logger: tellingLogger(io, observability),
    start: async (signal) => {
      const { startEverything } = await import("../start-everything.ts");
      const applyConfig: Parameters<typeof startEverything>[0]["applyConfig"] = async (clients) =>
        await config?.apply(clients);
      const withDemo = flags.demo;
      const options = { settings, database, observability, withDemo, applyConfig };
      started = await startEverything(options, signal);
      config?.follow(started.composition.clients);
      io.out(renderCard({ ...started.card, ...folderOf(settings), readyMs: performance.now() }));
    },
    drain: async (_deadlineMs, hurry) => {
      io.talk("penstock: stopping; open streams have 5 s, Ctrl-C again ends them sooner\n");
      config?.close();
      await started?.composition.stop(settings.drainTimeoutMs ?? streamsDeadlineMs, hurry);
      await observability.shutdown(2_000);
    },
  });
}

function folderOf({ dataDir }: StartSettings) {
  const shown = shownPath(dataDir);
  return { dataDir: shown, isDefaultDataDir: shown === defaultDataDir };
}

/** What ends the process is told in full on the terminal, not only in the log. */
function tellingLogger(io: CommandIo, { logger }: Observability): ServiceLogger {
  return {
    info: (message, fields) => logger.info(message, fields),
    error: (message, fields) => {
      logger.info(message, fields);
      const { cause } = fields ?? {};
      io.talk(cause === undefined ? `penstock: ${message}\n` : printError(cause).text);
    },
  };
}
