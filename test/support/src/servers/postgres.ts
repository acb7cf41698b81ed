import { execFile } from "node:child_process";
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { findProgram, postgresFolders } from "./find-program.ts";
import { isLeftOut } from "./left-out.ts";
import { makeServerFolder, removeServerFolder, startServerProcess } from "./server-process.ts";
import type { ServerProcess } from "./server-process.ts";
import { waitUntilStarted } from "./wait-until.ts";

/** A PostgreSQL server on a free port of this machine. */
export interface PostgresServer {
  /** `postgres://postgres@127.0.0.1:<port>/postgres`; the same after a restart. */
  readonly url: string;
  /** Makes an empty database and gives its URL. */
  createDatabase(name: string): Promise<string>;
  /** Ends it without a shutdown; what was committed stays. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);

/** `initdb`, beside which the other programs are; undefined when it is not installed. */
export function findPostgres(): string | undefined {
  return isLeftOut("postgres") ? undefined : findProgram("initdb", postgresFolders());
}

/** What is special about a server. */
export interface PostgresOptions {
  /** Settings beyond its defaults, as in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** It offers TLS with this certificate and key, both as PEM. */
  readonly tls?: { readonly certificatePem: string; readonly keyPem: string };
}

/** Starts a fresh server (1 to 2 s); as root under user `postgres` or `nobody`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const initdb = findPostgres();
  if (initdb === undefined) throw new Error("PostgreSQL is not installed");
  const folder = makeServerFolder("postgres");
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const initArgs = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"];
  await run(initdb, [...initArgs, "--no-locale"], { ...user, cwd: folder });
  const extra = { ...options.settings, ...writeTls(data, options.tls, user) };
  const port = await freePort();
  let server: ServerProcess;
  const start = async (): Promise<void> => {
    const settings = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="];
    for (const [name, value] of Object.entries(extra)) settings.push(`${name}=${value}`);
    const args = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
    const command = join(dirname(initdb), "postgres");
    server = startServerProcess({ command, args, folder, ...(user === undefined ? {} : { user }) });
    const pid = server.process.pid;
    await waitUntilStarted(server, "PostgreSQL", () => readyLine(data, pid));
  };
  await start();
  const createDatabase = async (name: string): Promise<string> => {
    const where = ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres"];
    await run(join(dirname(initdb), "createdb"), [...where, name], { cwd: folder });
    return `postgres://postgres@127.0.0.1:${port}/${name}`;
  };
  const stop = async (): Promise<void> => {
    // "Immediate": ends its children, too, which SIGKILL would leave behind.
    await server.end("SIGQUIT");
    removeServerFolder(folder);
  };
  const kill = (): Promise<void> => server.end("SIGQUIT");
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return { url, createDatabase, kill, restart: start, stop };
}

/** Gives the settings that turn TLS on; the server reads no key that others could read. */
function writeTls(
  data: string,
  tls: PostgresOptions["tls"],
  user: User | undefined,
): Record<string, string> {
  if (tls === undefined) return {};
  const files = { "tls.crt": tls.certificatePem, "tls.key": tls.keyPem };
  for (const [name, pem] of Object.entries(files)) {
    const path = join(data, name);
    writeFileSync(path, pem, { mode: 0o600 });
    if (user !== undefined) chownSync(path, user.uid, user.gid);
  }
  return { ssl: "on", ssl_cert_file: "tls.crt", ssl_key_file: "tls.key" };
}

function unprivilegedUser(): User {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const name of ["postgres", "nobody"]) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(":");
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error("neither user postgres nor nobody exists to run PostgreSQL as");
}

/** Line 8 of its lock file says "ready" once it takes connections; line 1 is its process id. */
function readyLine(data: string, pid: number | undefined): string | undefined {
  try {
    const lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    const isReady = lines[0] === String(pid) && lines[7]?.trim() === "ready";
    return isReady ? "ready" : undefined;
  } catch {
    return undefined;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
