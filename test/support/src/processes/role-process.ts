import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readEnvironmentVariable, sleep, systemClock } from "@penstock/runtime";
import { startServerProcess } from "../servers/server-process.ts";
import type { ServerProcess } from "../servers/server-process.ts";

/** A role that is started again and again on the same ports and the same data folder. */
export interface RoleProcess {
  readonly name: string;
  /** Its data folder. */
  readonly folder: string;
  /** Of the latest start; 0 before the first. */
  readonly pid: number;
  readonly isRunning: boolean;
  /** Starts it; does not wait. Further variables hold for this start only. */
  start(environment?: Readonly<Record<string, string>>): void;
  /** Waits until `/readyz` says 200. Rejects with its log when that takes too long. */
  untilReady(timeoutMs?: number): Promise<void>;
  /** Status and text of a path of the port that tells its health; status 0: nobody answers. */
  look(path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Ends it as the kernel would, with all of its workers, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: resolves with the exit code, or the signal that ended it. */
  terminate(): Promise<number | string>;
  /** Sends any signal to the process and its workers; does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Stops it in its tracks: its connections stay open and silent. */
  pause(): void;
  resume(): void;
  /** Kills it where it runs, starts it, and waits until it is ready. */
  restart(environment?: Readonly<Record<string, string>>): Promise<void>;
  /** Everything it logged since its latest start, bounded. */
  output(): string;
}

/** What a role is started with, each time. */
export interface RoleProcessOptions {
  /** Unique in its constellation. */
  readonly name: string;
  /** As `--role` wants them. */
  readonly roles: string;
  /** Its data folder is made below this one. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** `http://host:port` that serves `/readyz`. */
  readonly healthUrl: string;
  /** For pages that are not for everybody. */
  readonly token: string;
  /** Hears whatever it prints. */
  readonly onOutput: (text: string) => void;
}

const main = join(import.meta.dirname, "../../../../services/penstock/src/main.ts");
const defaultTimeoutMs = 60_000;
const lookEveryMs = 20;
const lookTimeoutMs = 2_000;

/** Makes its data folder; starts nothing yet. */
export function createRoleProcess(options: RoleProcessOptions): RoleProcess {
  const folder = join(options.folder, options.name);
  mkdirSync(folder, { recursive: true });
  let server: ServerProcess | undefined;
  const isRunning = (): boolean =>
    server !== undefined && server.process.exitCode === null && server.process.signalCode === null;
  const role: RoleProcess = {
    name: options.name,
    folder,
    get pid() {
      return server?.process.pid ?? 0;
    },
    get isRunning() {
      return isRunning();
    },
    start: (environment = {}) => {
      if (isRunning()) throw new Error(`${options.name} runs already`);
      server = startServerProcess({
        command: process.execPath,
        args: [main, "start", "--role", options.roles, "--data-dir", folder],
        folder,
        environment: { ...inherited(), ...options.environment, ...environment },
        group: true,
        onOutput: options.onOutput,
      });
    },
    untilReady: (timeoutMs = defaultTimeoutMs) => untilReady(role, timeoutMs),
    look: (path) => look(`${options.healthUrl}${path}`, options.token),
    kill: async () => {
      await server?.end("SIGKILL");
    },
    terminate: async () => {
      if (server === undefined || !isRunning()) throw new Error(`${options.name} does not run`);
      const ended = once(server.process, "exit");
      // To the process alone, as an operator would: it tells its workers itself.
      server.process.kill("SIGTERM");
      const [code, signal] = await ended;
      return (code ?? signal) as number | string;
    },
    signal: (signal) => server?.signal(signal),
    pause: () => server?.signal("SIGSTOP"),
    resume: () => server?.signal("SIGCONT"),
    restart: async (environment) => {
      await role.kill();
      role.start(environment);
      await role.untilReady();
    },
    output: () => server?.output() ?? "",
  };
  return role;
}

async function untilReady(role: RoleProcess, timeoutMs: number): Promise<void> {
  const endMs = systemClock.monotonicMs() + timeoutMs;
  for (;;) {
    const { status, text } = await role.look("/readyz");
    if (status === 200) return;
    const isLate = systemClock.monotonicMs() > endMs;
    if (isLate || !role.isRunning) {
      const how = isLate ? `is not ready after ${timeoutMs} ms` : "ended";
      throw new Error(`${role.name} ${how}: ${text}\n${role.output()}`);
    }
    await sleep(systemClock, lookEveryMs);
  }
}

async function look(url: string, token: string): ReturnType<RoleProcess["look"]> {
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(lookTimeoutMs),
    });
    return { status: response.status, text: await response.text() };
  } catch {
    return { status: 0, text: "" };
  }
}

/** What programs need to run at all; no setting of Penstock. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = readEnvironmentVariable(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
