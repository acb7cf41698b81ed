import { accessSync, constants, readdirSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { GatewayError } from "@penstock/errors";
import { readEnvironmentVariable } from "@penstock/runtime";

/** Debian keeps PostgreSQL's programs in a folder per version. */
const debianPostgres = "/usr/lib/postgresql";
/** Where package managers put servers that are not on everybody's PATH. */
const furtherFolders = [
  "/usr/sbin",
  "/usr/local/sbin",
  "/opt/homebrew/bin",
  "/opt/homebrew/opt/postgresql@17/bin",
  "/usr/local/bin",
];

/** The path of `nats-server`; undefined when it is not installed. */
export function findNats(): string | undefined {
  return findProgram("nats-server", furtherFolders);
}

/** The folder of `initdb` and `postgres`; undefined when they are not installed. */
export function findPostgres(): string | undefined {
  const initdb = findProgram("initdb", [...furtherFolders, ...postgresFolders()]);
  return initdb === undefined ? undefined : join(initdb, "..");
}

/**
 * Throws when a server is needed that is not installed.
 *
 * @throws GatewayError FAILED_PRECONDITION with the commands that install what is missing.
 */
export function requireServers(needed: {
  readonly nats: boolean;
  readonly postgres: boolean;
}): void {
  const missing = [
    ...(needed.nats && findNats() === undefined ? [lacking.nats] : []),
    ...(needed.postgres && findPostgres() === undefined ? [lacking.postgres] : []),
  ];
  if (missing.length === 0) return;
  const message =
    "the suite runs on NATS and PostgreSQL, and did not find all of them:\n" +
    missing.map((line) => `  ${line}`).join("\n") +
    "\nWithout servers, `npm start` runs everything in one process.";
  throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}

const lacking = {
  nats:
    "nats-server: apt-get install nats-server, or brew install nats-server, " +
    "or name one with PENSTOCK_BUS_URL=nats://…",
  postgres:
    "PostgreSQL 15 or newer: apt-get install postgresql, or brew install postgresql@17, " +
    "or name a database with PENSTOCK_DATABASE_URL=postgres://…",
};

function findProgram(name: string, further: readonly string[]): string | undefined {
  const folders = (readEnvironmentVariable("PATH") ?? "").split(delimiter);
  for (const folder of [...folders, ...further]) {
    const path = join(folder, name);
    if (folder === "" || !isExecutable(path)) continue;
    // Where a link leads to: a program's companions are beside it, not beside the link.
    return realpathSync(path);
  }
  return undefined;
}

function postgresFolders(): string[] {
  try {
    const versions = readdirSync(debianPostgres).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(debianPostgres, version, "bin"));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
