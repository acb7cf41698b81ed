import { performance } from "node:perf_hooks";
import process from "node:process";
import type { FolderLock } from "@penstock/database";
import { lockDataFolder, openDatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { createObservability, observabilityEnvironment } from "@penstock/observability";
import type { ServiceLogger } from "@penstock/runtime";
import { readEnvironment, runService, systemClock } from "@penstock/runtime";
import { renderCard } from "../card.ts";
import { ConfigFile } from "../config-file.ts";
import type { LogFile } from "../log-file.ts";
import { createWarningEcho, openLogFile } from "../log-file.ts";
import { exitCodes, printError } from "../output/print-error.ts";
import { checkPorts } from "../ports.ts";
import type { SettingFlags, StartSettings } from "../settings.ts";
import { defaultDataDir, readStartSettings, shownPath } from "../settings.ts";
import type { Started } from "../start-everything.ts";
import type { CommandIo } from "./command-io.ts";

/** Flags of `start`. */
export interface StartFlags extends SettingFlags {
  readonly config?: string;
  readonly demo: boolean;
}

/** How long streams have after Ctrl-C. */
const streamsDeadlineMs = 5_000;
/** Flushing usage and closing the database come after the streams. */
const drainTimeoutMs = streamsDeadlineMs + 10_000;

/**
 * Runs all roles until a signal ends them; resolves to the exit code. Ports and data folder are
 * looked at first, so that a start that can't succeed opens and writes nothing.
 */
export async function runStart(io: CommandIo, flags: StartFlags): Promise<number> {
  let settings: StartSettings;
  let config: ConfigFile | undefined;
  try {
    settings = readStartSettings(flags, io.environment);
    if (flags.config !== undefined) config = ConfigFile.open(flags.config, io.talk);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.usage;
  }
  let lock: FolderLock;
  try {
    await checkPorts(settings.ports, settings.bindAddress);
    lock = await lockDataFolder(settings.dataDir);
  } catch (thrown) {
    io.talk(printError(thrown).text);
    return exitCodes.failed;
  }
  const show = (text: string): void => io.talk(`penstock: ${text}\n`);
  const onWarning = createWarningEcho(show, () => performance.now());
  const log = openLogFile(settings.dataDir, { onWarning });
  process.once("exit", () => {
    log.close();
    lock.release();
  });
  return await runRoles(io, { settings, flags, config, log });
}

interface Preparations {
  readonly settings: StartSettings;
  readonly flags: StartFlags;
  readonly config: ConfigFile | undefined;
  readonly log: LogFile;
}

async function runRoles(io: CommandIo, preparations: Preparations): Promise<number> {
  const { settings, flags, config, log } = preparations;
  const observability = await createObservability({
    serviceName: "penstock",
    environment: { ...readEnvironment(observabilityEnvironment), logFormat: "json" },
    clock: systemClock,
    writeLog: log.write,
  });
  const { logger } = observability;
  const { databaseUrl, dataDir } = settings;
  const database = openDatabaseServer({ url: databaseUrl, dataDir, logger });
  // Reported by the composition, which awaits it a little later.
  database.catch(() => undefined);
  let started: Started | undefined;
  return await runService({
    name: "penstock",
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
      await started?.composition.stop(streamsDeadlineMs, hurry);
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
