import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { onCore } from "./pinning.ts";
import type { CpuReading, ProbeQuestion, StallReading } from "./programs/process-probe.ts";

/** A Node process that the benchmark started, with the probe inside. */
export interface NodeProcess {
  readonly pid: number;
  /** What the program said when it was ready, by the name of its door; empty when it says nothing. */
  readonly ports: Readonly<Record<string, number>>;
  /** CPU time so far. */
  cpu(): Promise<CpuReading>;
  /** The end of what it printed. */
  output(): string;
  beginStalls(): Promise<void>;
  endStalls(): Promise<StallReading>;
  /** Asks the program what only it can answer: see `answerParent`. */
  ask<Reading>(question: string): Promise<Reading>;
  /** Asks it to end, and insists after ten seconds. */
  stop(): Promise<void>;
}

/** What to start and where. */
export interface NodeProcessOptions {
  /** A file of `programs/`, or an absolute path. */
  readonly program: string;
  readonly input?: unknown;
  readonly parameters?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Absent: not tied to a core. */
  readonly core?: string | undefined;
  /** Whether everything else on its core goes first. */
  readonly background?: boolean;
  /** Further parameters of Node, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
  /** For programs that are not of the benchmark: ready when they print this; ended by SIGTERM. */
  readonly readyText?: string;
  /** The same, without the probe, for programs that start processes of their own. */
  readonly readyWhen?: () => Promise<void>;
}

const startTimeoutMs = 60_000;
const answerTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
const maxOutputLength = 20_000;

const started = new Set<NodeProcessChild>();
type NodeProcessChild = ReturnType<typeof spawn>;

process.on("exit", () => {
  for (const child of started) child.kill("SIGKILL");
});

/** Starts a program and waits until it is ready; the error of a failed start holds its output. */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const child = spawnProgram(options);
  started.add(child);
  child.once("exit", () => started.delete(child));
  let output = "";
  const ready = Promise.withResolvers<Readonly<Record<string, number>>>();
  const note = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-maxOutputLength);
    if (options.readyText !== undefined && output.includes(options.readyText)) ready.resolve({});
  };
  child.stdout?.on("data", note);
  child.stderr?.on("data", note);
  child.on("message", (message: { readonly ready?: Readonly<Record<string, number>> }) => {
    if (message.ready !== undefined) ready.resolve(message.ready);
  });
  const fail = (what: string): void => ready.reject(new Error(`${what}\n${output}`));
  child.once("error", (error) => fail(error.message));
  child.once("exit", (code) => fail(`${options.program} ended with ${code}`));
  const timer = setTimeout(() => fail(`${options.program} is not ready`), startTimeoutMs);
  options.readyWhen?.().then(() => ready.resolve({}), ready.reject);
  const ports = await ready.promise.finally(() => clearTimeout(timer));
  child.unref();
  return {
    pid: child.pid ?? 0,
    ports,
    cpu: () => ask<CpuReading>(child, "cpu" satisfies ProbeQuestion),
    output: () => output,
    beginStalls: async () =>
      void (await ask<CpuReading>(child, "stall-begin" satisfies ProbeQuestion)),
    endStalls: () => ask<StallReading>(child, "stall-end" satisfies ProbeQuestion),
    ask: (question) => ask(child, question),
    stop: () => stop(child, isOurs(options)),
  };
}

/** Whether it is a program of the benchmark, which is asked to end. */
function isOurs({ readyText, readyWhen }: NodeProcessOptions): boolean {
  return readyText === undefined && readyWhen === undefined;
}

function spawnProgram(options: NodeProcessOptions): NodeProcessChild {
  const folder = join(import.meta.dirname, "programs");
  const program = join(options.program.startsWith("/") ? "" : folder, options.program);
  const input = options.input === undefined ? [] : [JSON.stringify(options.input)];
  const withProbe = ["--import", join(folder, "process-probe.ts")];
  const probe = options.readyWhen === undefined ? withProbe : [];
  const node = [process.execPath, ...probe, ...(options.nodeOptions ?? []), program];
  const command = [...node, ...input, ...(options.parameters ?? [])];
  const [first = "", ...rest] = onCore(options.core, options.background ?? false, command);
  return spawn(first, rest, {
    env: { ...process.env, ...options.environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
}

async function ask<Reading>(child: NodeProcessChild, question: string): Promise<Reading> {
  const { promise, resolve, reject } = Promise.withResolvers<Reading>();
  const onMessage = (message: { readonly reading?: Reading }): void => {
    if (message.reading !== undefined) resolve(message.reading);
  };
  child.on("message", onMessage);
  const timer = setTimeout(() => reject(new Error("no answer to a probe")), answerTimeoutMs);
  child.send({ ask: question });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off("message", onMessage);
  }
}

async function stop(child: NodeProcessChild, listens: boolean): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  if (listens && child.connected) child.send({ ask: "exit" });
  else child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  child.ref();
  await gone;
  clearTimeout(timer);
}
