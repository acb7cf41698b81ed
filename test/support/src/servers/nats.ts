import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";
import { isLeftOut } from "./left-out.ts";
import { makeServerFolder, removeServerFolder, startServerProcess } from "./server-process.ts";
import type { ServerProcess } from "./server-process.ts";
import { waitUntilStarted } from "./wait-until.ts";

/** What a server comes back with. */
export interface NatsRestart {
  /** `empty`: nothing; `kept`: what `keepStore` put aside; absent: what it had. */
  readonly store?: "empty" | "kept";
}

/** A NATS server with JetStream on a free port of this machine. */
export interface NatsServer {
  /** `nats://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  /** Ends it as a power cut would; what it stored stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  restart(options?: NatsRestart): Promise<void>;
  /** Stops it in its tracks: its connections stay open and silent. */
  pause(): void;
  resume(): void;
  /** Puts aside a copy of what a killed server has stored. */
  keepStore(): void;
  /** Everything it printed, newest last, bounded. */
  output(): string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** How a server differs from a plain one. */
export interface NatsOptions {
  /** Path of a configuration file; it finds the store's folder in PENSTOCK_NATS_STORE. */
  readonly configFile?: string;
  /** What the configuration file refers to. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Further arguments, such as those of a cluster. */
  readonly args?: readonly string[];
  /** Absent: a free one. */
  readonly port?: number;
}

/** The server's program; undefined when it is not installed. */
export function findNats(): string | undefined {
  return isLeftOut("nats") ? undefined : findProgram("nats-server");
}

/** Starts a fresh server (50 to 200 ms). */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const command = findNats();
  if (command === undefined) throw new Error("nats-server is not installed");
  const folder = makeServerFolder("nats");
  const store = join(folder, "store");
  const kept = join(folder, "kept");
  let server: ServerProcess;
  const start = async (port: number): Promise<string> => {
    const { configFile, args: further = [] } = options;
    const place = ["-a", "127.0.0.1", "-p", String(port), "-js", "--ports_file_dir", folder];
    const storage = configFile === undefined ? ["-sd", store] : ["-c", configFile];
    const args = [...storage, ...place, ...further];
    const environment = { ...options.environment, PENSTOCK_NATS_STORE: store };
    server = startServerProcess({ command, args, folder, environment });
    const portsFile = join(folder, `nats-server_${server.process.pid}.ports`);
    const url = await waitUntilStarted(server, "nats-server", () => readUrl(portsFile));
    rmSync(portsFile, { force: true });
    return url;
  };
  const url = await start(options.port ?? -1);
  const kill = (): Promise<void> => server.end("SIGKILL");
  const stop = async (): Promise<void> => {
    await server.end("SIGKILL");
    removeServerFolder(folder);
  };
  const restart = async (how: NatsRestart = {}): Promise<void> => {
    if (how.store !== undefined) rmSync(store, { recursive: true, force: true });
    if (how.store === "kept") cpSync(kept, store, { recursive: true });
    await start(Number(new URL(url).port));
  };
  const keepStore = (): void => {
    rmSync(kept, { recursive: true, force: true });
    cpSync(store, kept, { recursive: true });
  };
  const pause = (): void => void server.process.kill("SIGSTOP");
  const resume = (): void => void server.process.kill("SIGCONT");
  const output = (): string => server.output();
  return { url, kill, restart, pause, resume, keepStore, output, stop };
}

/** The server writes it once it listens; until then it is missing or incomplete. */
function readUrl(portsFile: string): string | undefined {
  try {
    const { nats } = JSON.parse(readFileSync(portsFile, "utf8")) as { nats?: string[] };
    return nats?.[0]?.replace("tls://", "nats://");
  } catch {
    return undefined;
  }
}
