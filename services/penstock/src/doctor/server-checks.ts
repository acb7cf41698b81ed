import { readBusVersion } from "@penstock/bus";
import { createObservability, observabilityEnvironment } from "@penstock/observability";
import { openDatabaseServer } from "@penstock/database";
import { readEnvironment, systemClock } from "@penstock/runtime";
import type { StartSettings } from "../settings.ts";
import { readServerVersion } from "../storage/read-server-version.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";

/**
 * The bus and the database, when they are servers of their own. `isApart`: the Penstock that is
 * looked at is several processes, so that it has servers, named here or not.
 */
export async function checkServers(settings: StartSettings, isApart = false): Promise<Finding[]> {
  const { busUrl, busCredentials, busCa, databaseUrl } = settings;
  const unnamed = (variable: string) =>
    ({ state: "ok", detail: `a server of the suite; ${variable} lets it be looked at` }) as const;
  return await Promise.all([
    look("bus", async () => {
      if (busUrl === undefined && isApart) return unnamed("PENSTOCK_BUS_URL");
      if (busUrl === undefined) return { state: "ok", detail: "inside the process" };
      const access = { url: busUrl, credentialsFile: busCredentials, caFile: busCa };
      const version = await readBusVersion({ ...access, name: "penstock-doctor" });
      return { state: "ok", detail: `NATS ${version}; 2.9 or newer is needed` };
    }),
    look("database", async () => {
      if (databaseUrl === undefined && isApart) return unnamed("PENSTOCK_DATABASE_URL");
      if (databaseUrl === undefined) return { state: "ok", detail: "in the data folder (PGlite)" };
      const version = await readPostgresVersion(databaseUrl, settings.dataDir);
      const isOld = Number(version.split(".")[0]) < 15;
      return { state: isOld ? "fail" : "ok", detail: `PostgreSQL ${version}; 15 is needed` };
    }),
  ]);
}

async function readPostgresVersion(url: string, dataDir: string): Promise<string> {
  const environment = readEnvironment(observabilityEnvironment);
  const writeLog = (): void => undefined;
  const { logger } = await createObservability({
    serviceName: "penstock",
    environment,
    clock: systemClock,
    writeLog,
  });
  const server = await openDatabaseServer({ url, dataDir, logger });
  try {
    return await readServerVersion(server);
  } finally {
    await server.close();
  }
}
