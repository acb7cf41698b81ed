import { workerName } from "@penstock/bus";
import type { DatabaseServer } from "@penstock/database";
import { openDatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { createObservability } from "@penstock/observability";
import { runService, systemClock } from "@penstock/runtime";
import { createRouterClient } from "../api/clients.ts";
import { buildVersion } from "../build-version.ts";
import type { Role } from "../roles.ts";
import { storingRoles } from "../roles.ts";
import type { ServingRoles } from "../serve-roles.ts";
import { serveRoles } from "../serve-roles.ts";
import type { StartSettings } from "../settings.ts";
import type { CommandIo } from "./command-io.ts";
import { warnUnknownSettings } from "../warn-unknown-settings.ts";
import { tellWrongSettings } from "./wrong-settings.ts";
import { readRouterWorkers } from "../workers/read-workers.ts";
import { placeOfThisWorker } from "../workers/worker-place.ts";
import type { WorkerPlace } from "../workers/worker-place.ts";
import { answerPrimary, workerHost } from "../workers/worker-process.ts";

/** reliability.md §2.7: long answers may end; then what was counted is handed over. */
const streamsDeadlineMs = 120_000;
/** A call of a control service has no more time when its caller names none (packages/rpc). */
const callsDeadlineMs = 30_000;
const handOverMs = 20_000;
const spansMs = 5_000;

/**
 * Runs the roles until a signal ends them; resolves to the exit code. Logs to standard error. A
 * router alone, with more than one worker, is their primary; a worker is a router like any other,
 * but for its place.
 */
export async function runRoles(
  io: Pick<CommandIo, "talk" | "environment">,
  settings: StartSettings,
  roles: readonly Role[],
): Promise<number> {
  const deadlineMs =
    settings.drainTimeoutMs ?? (roles.includes("router") ? streamsDeadlineMs : callsDeadlineMs);
  const place = placeOfThisWorker();
  const workers = place === undefined ? readRouterWorkers(roles) : 1;
  if (workers > 1) {
    const { runWorkers } = await import("../workers/run-workers.ts");
    const onNotStarted = (cause: unknown) => tellWrongSettings(io, cause);
    const drainTimeoutMs = deadlineMs + handOverMs;
    return await runWorkers(settings, { workers, drainTimeoutMs, onNotStarted });
  }
  const observability = await observe(settings, roles, place);
  const { logger } = observability;
  // A worker's are its primary's, which has told them.
  if (place === undefined) warnUnknownSettings(logger, io);
  let serving: ServingRoles | undefined;
  return await runService({
    clock: systemClock,
    drainTimeoutMs: deadlineMs + handOverMs,
    logger,
    // A worker's log is its primary's; it has no terminal.
    ...(place === undefined
      ? { onNotStarted: (cause) => tellWrongSettings(io, cause) }
      : { host: workerHost() }),
    start: async () => {
      const database = openDatabase(settings, roles, observability);
      const clock = systemClock;
      serving = await serveRoles({ settings, database, observability, clock, place });
      if (place !== undefined) tellPrimary(settings, serving, observability);
      logger.info("the doors are open", { roles: roles.join(","), ports: serving.ports });
      // Not awaited: the process is broken when it comes, however long it served before.
      void serving.failed.then((error) => endBroken(error));
    },
    drain: async (_deadlineMs, hurry) => {
      await serving?.stop(deadlineMs, hurry);
      await observability.shutdown(spansMs);
    },
  });
}

async function observe(
  settings: StartSettings,
  roles: readonly Role[],
  place: WorkerPlace | undefined,
): Promise<Observability> {
  const { replica } = place?.identity ?? settings;
  const name = replica && workerName(replica, String(place?.index ?? 0));
  const observability = await createObservability({
    serviceName: roles.length === 1 ? `penstock-${roles[0]}` : "penstock",
    serviceVersion: buildVersion,
    clock: systemClock,
    ...(name === undefined ? {} : { instanceId: name }),
  });
  if (place === undefined) return observability;
  return { ...observability, logger: observability.logger.child({ worker: place.index }) };
}

/** The primary asks as any service does, so that answers pass the same gate. */
function tellPrimary(
  { serviceToken }: StartSettings,
  { built, ports }: ServingRoles,
  { metrics }: Observability,
): void {
  const { router, reach } = built;
  const { http = 0, grpc = 0 } = ports;
  if (router === undefined || reach === undefined || serviceToken === undefined) {
    throw new TypeError("a worker is a router");
  }
  const client = createRouterClient(reach({ here: router }, serviceToken));
  answerPrimary({ router, client, metrics, ports: { http, grpc } });
}

/** Heard by `runService`, which tells it and ends the process with code 1. */
function endBroken(error: unknown): never {
  throw error;
}

function openDatabase(
  { databaseUrl, dataDir }: StartSettings,
  roles: readonly Role[],
  { logger }: Observability,
): Promise<DatabaseServer> | undefined {
  if (!roles.some((role) => storingRoles.includes(role))) return undefined;
  const opening = openDatabaseServer({ url: databaseUrl, dataDir, logger });
  // Reported by the roles, which await it.
  opening.catch(() => undefined);
  return opening;
}
