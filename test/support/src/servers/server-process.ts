import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** A server program started for a test, in a folder that goes with it. */
export interface ServerProcess {
  readonly process: ChildProcess;
  /** Everything it printed, newest last, bounded. */
  output(): string;
  /** Sends a signal to it, and to its group where it has one of its own. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it with `signal` and waits until it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** How to start a server program. */
export interface ServerProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** Absent: this process's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Another user than this process's, as PostgreSQL refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** True: what it starts itself is signalled and ended with it. */
  readonly group?: boolean;
  /** Hears whatever it prints. */
  readonly onOutput?: (text: string) => void;
}

const pidFile = "server.pid";
const maxOutputLength = 20_000;
const running = new Set<ServerProcess>();
const folders = new Set<string>();

process.on("exit", () => {
  for (const server of running) server.signal("SIGKILL");
  for (const folder of folders) removeFolder(folder);
});

/** A folder `penstock-<kind>-<pid>-…`; goes when this process ends. */
export function makeServerFolder(kind: string): string {
  sweep(kind);
  const folder = mkdtempSync(join(tmpdir(), `penstock-${kind}-${process.pid}-`));
  folders.add(folder);
  return folder;
}

/** Removes a folder of `makeServerFolder`. */
export function removeServerFolder(folder: string): void {
  folders.delete(folder);
  removeFolder(folder);
}

/** Starts the program; it dies with this process, at the latest in the sweep of the next one. */
export function startServerProcess(options: ServerProcessOptions): ServerProcess {
  const child = spawn(options.command, [...options.args], {
    ...options.user,
    cwd: options.folder,
    ...(options.environment === undefined ? {} : { env: { ...options.environment } }),
    stdio: ["ignore", "pipe", "pipe"],
    detached: options.group === true,
  });
  let output = "";
  const note = (chunk: unknown): void => {
    output = (output + String(chunk)).slice(-maxOutputLength);
    options.onOutput?.(String(chunk));
  };
  child.stdout.on("data", note);
  child.stderr.on("data", note);
  const gone = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      note(error);
      resolve();
    });
    child.once("exit", () => resolve());
  });
  if (child.pid !== undefined) writeFileSync(join(options.folder, pidFile), String(child.pid));
  const server: ServerProcess = {
    process: child,
    output: () => output,
    signal: (signal) => {
      if (options.group === true) signalGroup(child.pid, signal);
      else child.kill(signal);
    },
    end: async (signal) => {
      server.signal(signal);
      await gone;
    },
  };
  running.add(server);
  void gone.then(() => running.delete(server));
  return server;
}

/** Also reaches those that outlived the one that started them. */
function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (leader !== undefined) process.kill(-leader, signal);
  } catch {
    // Nobody of it is left.
  }
}

/** A test process that was killed leaves its server running: end it, and remove its folder. */
function sweep(kind: string): void {
  const form = new RegExp(`^penstock-${kind}-(\\d+)-`);
  for (const name of readdirSync(tmpdir())) {
    const owner = form.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const folder = join(tmpdir(), name);
    for (const below of ["", ...namesIn(folder)]) endOrphan(join(folder, below));
    removeFolder(folder);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Another process sweeps, too.
    return [];
  }
}

function endOrphan(folder: string): void {
  try {
    const pid = Number(readFileSync(join(folder, pidFile), "utf8"));
    // The id may belong to another process by now: only one that names the folder is ours.
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    if (pid <= 1 || !commandLine.includes(folder)) return;
    signalGroup(pid, "SIGKILL");
    process.kill(pid, "SIGKILL");
  } catch {
    // No such file or process: nothing is left to end.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
