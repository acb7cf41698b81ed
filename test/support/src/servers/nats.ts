import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";
import { makeServerFolder, removeServerFolder, startServerProcess } from "./server-process.ts";
import type { ServerProcess } from "./server-process.ts";
import { waitUntilStarted } from "./wait-until.ts";

/** A NATS server with JetStream on a free port of this machine. */
export interface NatsServer {
  /** `nats://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  /** Ends it as a power cut would; what it stored stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** The server's program; undefined when it is not installed. */
export function findNats(): string | undefined {
  return findProgram("nats-server");
}

/** Starts a fresh server (50 to 200 ms). */
export async function startNats(): Promise<NatsServer> {
  const command = findNats();
  if (command === undefined) throw new Error("nats-server is not installed");
  const folder = makeServerFolder("nats");
  let server: ServerProcess;
  const start = async (port: number): Promise<string> => {
    const options = ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder];
    const args = [...options, "--ports_file_dir", folder];
    server = startServerProcess({ command, args, folder });
    const portsFile = join(folder, `nats-server_${server.process.pid}.ports`);
    const url = await waitUntilStarted(server, "nats-server", () => readUrl(portsFile));
    rmSync(portsFile, { force: true });
    return url;
  };
  const url = await start(-1);
  const kill = (): Promise<void> => server.end("SIGKILL");
  const stop = async (): Promise<void> => {
    await server.end("SIGKILL");
    removeServerFolder(folder);
  };
  const restart = async (): Promise<void> => void (await start(Number(new URL(url).port)));
  return { url, kill, restart, stop };
}

/** The server writes it once it listens; until then it is missing or incomplete. */
function readUrl(portsFile: string): string | undefined {
  try {
    const { nats } = JSON.parse(readFileSync(portsFile, "utf8")) as { nats?: string[] };
    return nats?.[0];
  } catch {
    return undefined;
  }
}
