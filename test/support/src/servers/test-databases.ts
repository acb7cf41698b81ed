import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { openDatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { migrateDatabase } from "@penstock/penstock";
import { findPostgres } from "./postgres.ts";

const run = promisify(execFile);
const templateName = "penstock_template";

/** Makes a migrated database that `createMigratedDatabase` copies; once per server. */
export async function createTemplateDatabase(serverUrl: string): Promise<void> {
  await createDatabase(serverUrl, [templateName]);
  const { logger } = silentObservability();
  const url = urlOf(serverUrl, templateName);
  const server = await openDatabaseServer({ url, dataDir: "", logger });
  try {
    await migrateDatabase(server);
  } finally {
    await server.close();
  }
}

/** A fresh database with every schema; some 50 ms. Gives its URL. */
export async function createMigratedDatabase(serverUrl: string): Promise<string> {
  const name = `penstock_${randomBytes(6).toString("hex")}`;
  await createDatabase(serverUrl, ["--template", templateName, name]);
  return urlOf(serverUrl, name);
}

async function createDatabase(serverUrl: string, args: readonly string[]): Promise<void> {
  const initdb = findPostgres();
  if (initdb === undefined) throw new Error("PostgreSQL is not installed");
  const { hostname, port, username } = new URL(serverUrl);
  const where = ["-h", hostname, "-p", port, "-U", username];
  await run(join(dirname(initdb), "createdb"), [...where, ...args], { cwd: "/" });
}

function urlOf(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
