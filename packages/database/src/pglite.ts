import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import type { PgliteStorage, PgliteWorkerMessage } from "./pglite-protocol.ts";

/** A running PGlite and where `pg` reaches it. */
export interface PgliteServer {
  /** What `pg` calls host: the folder of the Unix socket. */
  readonly socketFolder: string;
  /** Aborts with a GatewayError (UNAVAILABLE) when the database stops unasked. */
  readonly failed: AbortSignal;
  /** Whether the process goes on for it alone, as it does until it is told otherwise. */
  keepProcess(isKept: boolean): void;
  /** Flushes and ends the thread. */
  close(): Promise<void>;
}

/** `pg` looks for `<host>/.s.PGSQL.<port>`. */
export const pglitePort = 5432;

// sun_path holds 108 bytes on Linux and 104 on macOS, with the final zero.
const longestSocketPathBytes = 103;

// Creating a database takes 2 to 8 s on a slow laptop; closing is a checkpoint.
const openTimeoutMs = 60_000;
const closeTimeoutMs = 10_000;

/**
 * Starts PGlite in a worker thread. Its own thread, because creating a database alone blocks an
 * event loop for two seconds and every query for its length. `runFolder` is where the socket
 * goes when its path is short enough; else a private folder for temporary files is used.
 */
export async function startPglite(
  storage: PgliteStorage,
  runFolder: string | undefined,
  logger: Logger,
): Promise<PgliteServer> {
  const socketFolder = makeSocketFolder(runFolder);
  const script = `./pglite-worker${extname(import.meta.url)}`;
  const worker = new Worker(new URL(script, import.meta.url), {
    name: "penstock-database",
    workerData: { socketPath: socketPathIn(socketFolder), storage },
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const life = follow(worker, logger);
  try {
    await within(life.ready, openTimeoutMs, "the embedded database did not open");
  } catch (cause) {
    await worker.terminate();
    rmSync(socketFolder, { recursive: true, force: true });
    throw cause;
  }
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    life.expectEnd();
    worker.postMessage("close");
    await within(life.ended, closeTimeoutMs, "the embedded database did not close");
    rmSync(socketFolder, { recursive: true, force: true });
  };
  const keepProcess = (isKept: boolean): void => {
    if (isKept) worker.ref();
    else worker.unref();
  };
  return { socketFolder, failed: life.failed, keepProcess, close: () => (closing ??= close()) };
}

interface WorkerLife {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly failed: AbortSignal;
  expectEnd(): void;
}

function follow(worker: Worker, logger: Logger): WorkerLife {
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const failed = new AbortController();
  let problem = "its thread ended";
  let endExpected = false;
  const fail = (cause?: unknown): void => {
    const message = `the embedded database stopped: ${problem}`;
    const error = new GatewayError("UNAVAILABLE", message, { source: "gateway", cause });
    if (!failed.signal.aborted) logger.error(message, { cause });
    failed.abort(error);
    ready.reject(error);
    ended.reject(error);
  };
  // Nobody may be waiting when the database fails; whoever asks later still gets the error.
  ready.promise.catch(() => {});
  ended.promise.catch(() => {});
  worker.on("message", (message: PgliteWorkerMessage) => {
    if (message.kind === "ready") ready.resolve();
    else if (message.kind === "failed") problem = message.message;
    else ended.resolve();
  });
  worker.on("error", (cause) => {
    problem = cause instanceof Error ? cause.message : String(cause);
    fail(cause);
  });
  worker.on("exit", () => {
    if (!endExpected) fail();
    else ended.reject(new GatewayError("INTERNAL", `closing the embedded database: ${problem}`));
  });
  const expectEnd = (): void => {
    endExpected = true;
  };
  return { ready: ready.promise, ended: ended.promise, failed: failed.signal, expectEnd };
}

function makeSocketFolder(runFolder: string | undefined): string {
  if (runFolder !== undefined) {
    const bytes = Buffer.byteLength(socketPathIn(runFolder));
    if (bytes <= longestSocketPathBytes) {
      // Whatever is there was left by a process that is gone: the data folder is locked.
      rmSync(runFolder, { recursive: true, force: true });
      mkdirSync(runFolder, { recursive: true, mode: 0o700 });
      return runFolder;
    }
  }
  return mkdtempSync(join(tmpdir(), "penstock-"));
}

function socketPathIn(folder: string): string {
  return join(folder, `.s.PGSQL.${pglitePort}`);
}

async function within<T>(promise: Promise<T>, timeoutMs: number, problem: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timeout = setTimeout(() => {
    late.reject(new GatewayError("DEADLINE_EXCEEDED", `${problem} within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timeout);
  }
}
