import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { createObservability, observabilityEnvironment } from "@penstock/observability";
import { openDatabaseServer } from "@penstock/database";
import { readEnvironment, systemClock } from "@penstock/runtime";
import type { StartSettings } from "../settings.ts";
import { readServerVersion } from "../storage/read-server-version.ts";
import type { Finding } from "./check.ts";
import { look } from "./check.ts";

const timeoutMs = 3_000;

/**
 * The bus and the database, when they are servers of their own. `isApart`: the Penstock that is
 * looked at is several processes, so that it has servers, named here or not.
 */
export async function checkServers(settings: StartSettings, isApart = false): Promise<Finding[]> {
  const { busUrl, databaseUrl } = settings;
  const unnamed = (variable: string) =>
    ({ state: "ok", detail: `a server of the suite; ${variable} lets it be looked at` }) as const;
  return await Promise.all([
    look("bus", async () => {
      if (busUrl === undefined && isApart) return unnamed("PENSTOCK_BUS_URL");
      if (busUrl === undefined) return { state: "ok", detail: "inside the process" };
      const version = await readNatsVersion(busUrl.split(",", 1)[0] ?? "");
      const isOld = /^(?:1\.|2\.[0-8]\.)/.test(version);
      return { state: isOld ? "fail" : "ok", detail: `NATS ${version}; 2.9 or newer is needed` };
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

/** A NATS server introduces itself before it asks for anything. */
function readNatsVersion(url: string): Promise<string> {
  const { hostname, port, protocol } = new URL(url);
  const target = { host: hostname, port: Number(port || "4222") };
  const socket =
    protocol === "tls:" && port === "443"
      ? connectTls({ ...target, servername: hostname })
      : connect(target);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  socket.setTimeout(timeoutMs, () => reject(new Error(`${target.host}: no answer in 3 s`)));
  socket.once("error", (error) => reject(error));
  socket.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString("utf8")).slice(0, 65_536);
    const version = /^INFO \{.*"version":"([^"]{1,40})"/.exec(text)?.[1];
    if (version !== undefined) resolve(version);
    else if (text.includes("\n")) reject(new Error(`${target.host} is not a NATS server`));
  });
  return promise.finally(() => socket.destroy());
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
