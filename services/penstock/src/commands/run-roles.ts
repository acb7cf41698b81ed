import type { DatabaseServer } from "@penstock/database";
import { openDatabaseServer } from "@penstock/database";
import type { Observability } from "@penstock/observability";
import { createObservability } from "@penstock/observability";
import { runService, systemClock } from "@penstock/runtime";
import { buildVersion } from "../build-version.ts";
import type { Role } from "../roles.ts";
import { storingRoles } from "../roles.ts";
import type { ServingRoles } from "../serve-roles.ts";
import { serveRoles } from "../serve-roles.ts";
import type { StartSettings } from "../settings.ts";

/** reliability.md §2.7: long answers may end; then what was counted is handed over. */
const streamsDeadlineMs = 110_000;
const handOverMs = 10_000;
const spansMs = 5_000;

/** Runs the roles until a signal ends them; resolves to the exit code. Logs to standard error. */
export async function runRoles(settings: StartSettings, roles: readonly Role[]): Promise<number> {
  const observability = await createObservability({
    serviceName: roles.length === 1 ? `penstock-${roles[0]}` : "penstock",
    serviceVersion: buildVersion,
    clock: systemClock,
    ...(settings.replica === undefined ? {} : { instanceId: settings.replica }),
  });
  const { logger } = observability;
  const deadlineMs = settings.drainTimeoutMs ?? streamsDeadlineMs;
  let serving: ServingRoles | undefined;
  return await runService({
    name: `penstock ${roles.join(",")}`,
    clock: systemClock,
    drainTimeoutMs: deadlineMs + handOverMs,
    logger,
    start: async () => {
      const database = openDatabase(settings, roles, observability);
      serving = await serveRoles({ settings, database, observability, clock: systemClock });
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
