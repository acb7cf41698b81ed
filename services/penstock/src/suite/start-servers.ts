import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { GatewayError } from "@penstock/errors";
import { inheritedEnvironment } from "@penstock/runtime";
import { findNats, findPostgres } from "./find-servers.ts";
import { KeptProcess } from "./kept-process.ts";
import type { KeptProcessOptions } from "./kept-process.ts";
import { takesConnections } from "./takes-connections.ts";

/** A server of the suite, not started yet. */
export interface SuiteServer {
  readonly process: KeptProcess;
  /** With its secret, for the parts. */
  readonly url: string;
  /** Whether it takes connections by now. */
  isUp(): Promise<boolean>;
}

/** What a server is made of. */
export interface ServerSite {
  /** Folder of the suite. */
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  readonly hooks: Pick<KeptProcessOptions, "onLine" | "onStart" | "onDeath">;
}

const run = promisify(execFile);
const user = "penstock";
const host = "127.0.0.1";

/** NATS with JetStream, its store in the suite's folder. */
export function prepareNats({ folder, port, password, hooks }: ServerSite): SuiteServer {
  const command = findNats() ?? "nats-server";
  const store = join(folder, "nats");
  mkdirSync(store, { recursive: true, mode: 0o700 });
  const file = join(store, "nats.conf");
  const lines = [
    `listen: "${host}:${port}"`,
    `jetstream { store_dir: ${JSON.stringify(store)} }`,
    `authorization { user: ${user}, password: ${JSON.stringify(password)} }`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const kept = new KeptProcess({
    name: "nats",
    command,
    parameters: ["-c", file],
    environment: inheritedEnvironment({}),
    ...hooks,
  });
  const url = `nats://${user}:${password}@${host}:${port}`;
  return { process: kept, url, isUp: () => takesConnections(host, port) };
}

/**
 * PostgreSQL with a cluster in the suite's folder, made at the first start. As root it runs as
 * user `postgres` or `nobody`, and where that one can't come into the folder, below /var/lib.
 */
export async function preparePostgres(site: ServerSite): Promise<SuiteServer> {
  const programs = findPostgres() ?? "";
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const place = owner === undefined ? join(site.folder, "postgres") : placeForOther(site.folder);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  if (owner !== undefined) chownSync(place, owner.uid, owner.gid);
  const data = join(place, "data");
  if (!existsSync(join(data, "PG_VERSION"))) {
    await makeCluster(join(programs, "initdb"), { data, place, owner, password: site.password });
  }
  const settings = [`port=${site.port}`, `listen_addresses=${host}`, "unix_socket_directories="];
  const kept = new KeptProcess({
    name: "postgres",
    command: join(programs, "postgres"),
    parameters: ["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    environment: inheritedEnvironment({}),
    folder: place,
    user: owner,
    // "Fast": its sessions are ended, nothing is lost.
    stopSignal: "SIGINT",
    ...site.hooks,
  });
  const url = `postgres://${user}:${site.password}@${host}:${site.port}/postgres`;
  return { process: kept, url, isUp: async () => isReady(data) };
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

async function makeCluster(
  initdb: string,
  options: {
    readonly data: string;
    readonly place: string;
    readonly owner: User | undefined;
    readonly password: string;
  },
): Promise<void> {
  const { data, place, owner, password } = options;
  const passwordFile = join(place, "password");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner !== undefined) chownSync(passwordFile, owner.uid, owner.gid);
  // What an interrupted first start left has no PG_VERSION, and initdb wants an empty folder.
  rmSync(data, { recursive: true, force: true });
  const parameters = ["-D", data, "-U", user, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale"];
  try {
    await run(initdb, [...parameters, "--pwfile", passwordFile], { ...owner, cwd: place });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unknown";
    const message = `PostgreSQL's initdb failed: ${why.slice(0, 2_000)}`;
    throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway", cause });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function unprivilegedUser(): User {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const name of ["postgres", "nobody"]) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(":");
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  const message = "PostgreSQL refuses to run as root, and there is no user postgres or nobody";
  throw new GatewayError("FAILED_PRECONDITION", message, { source: "gateway" });
}

/** Others may pass through our folders, not look into them; through others' we change nothing. */
function placeForOther(folder: string): string {
  const ours = [folder, dirname(folder)];
  if (ancestorsOf(dirname(dirname(folder))).every(isPassable)) {
    for (const own of ours) chmodSync(own, 0o711);
    return join(folder, "postgres");
  }
  return postgresElsewhere(folder);
}

/** Where the cluster of a suite is when the folder of the suite can't have it. */
export function postgresElsewhere(folder: string): string {
  const id = createHash("sha256").update(folder).digest("hex").slice(0, 12);
  return `/var/lib/penstock-suite-${id}`;
}

function ancestorsOf(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestorsOf(parent)];
}

function isPassable(folder: string): boolean {
  return (statSync(folder).mode & 0o001) !== 0;
}

/** Line 8 of its lock file says "ready" once it takes connections. */
function isReady(data: string): boolean {
  try {
    return readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[7]?.trim() === "ready";
  } catch {
    return false;
  }
}
