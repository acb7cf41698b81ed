import { readBusUrl, readBusVersion } from "@penstock/bus";
import { explainUnreachable, openDatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { sleep, systemClock } from "@penstock/runtime";
import type { StartSettings } from "../settings.ts";
import { readServerVersion } from "../storage/read-server-version.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";

/** Longer than the one attempt of each client; several servers of a bus are tried in turn. */
const longestMs = 10_000;

/**
 * The bus and the database, when they are servers of their own. `isApart`: the Penstock that is
 * looked at is several processes, so that it has servers, named here or not.
 */
export async function checkServers(settings: StartSettings, isApart = false): Promise<Finding[]> {
  return await Promise.all([checkBus(settings, isApart), checkDatabase(settings, isApart)]);
}

async function checkBus(settings: StartSettings, isApart: boolean): Promise<Finding> {
  const { busUrl: url, busCredentials: credentialsFile, busCa: caFile } = settings;
  if (url === undefined) {
    if (isApart) return unnamed("bus", "--bus-url or PENSTOCK_BUS_URL");
    return { check: "bus", state: "ok", detail: "inside the process" };
  }
  return await look(`bus ${readBusUrl(url).servers.join(",")}`, async () => {
    try {
      const access = { url, credentialsFile, caFile, name: "penstock-doctor" };
      const version = await within(readBusVersion(access));
      return { state: "ok", detail: `NATS ${version}; 2.9 or newer is needed` };
    } catch (thrown) {
      const detail = thrown instanceof Error ? thrown.message : "failed";
      const advice =
        "Start NATS, or correct PENSTOCK_BUS_URL (--bus-url), _CREDENTIALS and _CA, which all roles " +
        "have. Until it is back, changes wait in policy and usage in the routers' spools.";
      return { state: "fail", detail, advice };
    }
  });
}

async function checkDatabase(settings: StartSettings, isApart: boolean): Promise<Finding> {
  const { databaseUrl: url, dataDir } = settings;
  if (url === undefined) {
    if (isApart) return unnamed("database", "--database-url or PENSTOCK_DATABASE_URL");
    return { check: "database", state: "ok", detail: "in the data folder (PGlite)" };
  }
  return await look(`database ${shownDatabase(url)}`, async () => {
    try {
      const version = await within(readPostgresVersion(url, dataDir));
      const isOld = Number(version.split(".")[0]) < 15;
      return { state: isOld ? "fail" : "ok", detail: `PostgreSQL ${version}; 15 is needed` };
    } catch (thrown) {
      const { cause, advice } = explainUnreachable(thrown);
      const sentence = `${advice.slice(0, 1).toUpperCase()}${advice.slice(1)} (--database-url).`;
      return { state: "fail", detail: cause, advice: sentence };
    }
  });
}

/** Where several processes are, there is one; that nobody looked is no good news. */
function unnamed(check: string, names: string): Finding {
  const detail = "a server of its own, which nobody named here: not looked at";
  return { check, state: "warn", detail, advice: `Name it with ${names}.` };
}

/** Host, port and database, without user and password. */
function shownDatabase(url: string): string {
  const { host, pathname, searchParams } = new URL(url);
  return `${host || (searchParams.get("host") ?? "")}${pathname}`;
}

async function within<Value>(answer: Promise<Value>): Promise<Value> {
  const over = new AbortController();
  const expired = sleep(systemClock, longestMs, over.signal).then(() => {
    throw new Error(`no answer within ${longestMs / 1_000} s`);
  });
  try {
    return await Promise.race([answer, expired]);
  } finally {
    expired.catch(() => undefined);
    over.abort();
  }
}

async function readPostgresVersion(url: string, dataDir: string): Promise<string> {
  const { logger } = silentObservability();
  const server = await openDatabaseServer({ url, dataDir, logger });
  try {
    return await readServerVersion(server);
  } finally {
    await server.close();
  }
}
