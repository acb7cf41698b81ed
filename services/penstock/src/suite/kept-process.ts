import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { systemClock } from "@penstock/runtime";
import type { Timer } from "@penstock/runtime";
import { lineReader } from "./merged-log.ts";

/** A program that is kept running. */
export interface KeptProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly parameters: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Another user than this process's, as PostgreSQL refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly folder?: string | undefined;
  /** How it is asked to end; SIGTERM when absent. */
  readonly stopSignal?: NodeJS.Signals | undefined;
  onLine(line: string): void;
  /** Told of each start and each end that nobody asked for. */
  onStart(pid: number): void;
  onDeath(how: string, restartInMs: number): void;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;
/** Who lived this long begins again with the shortest pause. */
const healthyAfterMs = 30_000;
/** A second signal that comes sooner is taken for the first one (runService). */
const secondSignalAfterMs = 700;

/**
 * Runs a program in a process group of its own, so that Ctrl-C reaches only the suite, and starts
 * it again, ever later, whenever it ends unasked.
 */
export class KeptProcess {
  readonly name: string;
  readonly #options: KeptProcessOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isStopping = false;
  #restart: Timer | undefined;
  #hurrying: Timer | undefined;
  #killing: Timer | undefined;
  #askedAtMs: number | undefined;
  #deaths = 0;

  constructor(options: KeptProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Starts it for the first time. */
  start(): void {
    const { command, parameters, environment, folder, user, onLine, onStart } = this.#options;
    const startedAtMs = systemClock.monotonicMs();
    const child = spawn(command, [...parameters], {
      ...user,
      ...(folder === undefined ? {} : { cwd: folder }),
      env: { ...environment },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    child.stdout.on("data", lineReader(onLine));
    child.stderr.on("data", lineReader(onLine));
    if (child.pid !== undefined) onStart(child.pid);
    child.once("error", (error) => {
      onLine(error.message);
      this.#onEnd("could not be started", startedAtMs);
      resolve();
    });
    child.once("exit", (code, signal) => {
      this.#onEnd(
        signal === null ? `ended with code ${code}` : `was ended by ${signal}`,
        startedAtMs,
      );
      resolve();
    });
  }

  /** Lets it run until it is stopped or ends; from now on it isn't started again. */
  restartNoMore(): void {
    this.#isStopping = true;
    this.#restart?.cancel();
  }

  /** Asks it to end and waits; after the deadline it is killed. */
  async stop(deadlineMs: number): Promise<void> {
    this.restartNoMore();
    this.#askedAtMs = systemClock.monotonicMs();
    this.#ask();
    this.#killAfter(deadlineMs);
    await this.#ended;
    this.#killing?.cancel();
    this.#hurrying?.cancel();
  }

  /** Asks what was asked to end a second time; `deadlineMs` from now it is killed. */
  hurry(deadlineMs: number): void {
    if (this.#askedAtMs === undefined || this.#hurrying !== undefined) return;
    const sinceMs = systemClock.monotonicMs() - this.#askedAtMs;
    const pauseMs = Math.max(0, secondSignalAfterMs - sinceMs);
    this.#hurrying = systemClock.schedule(pauseMs, () => this.#ask());
    this.#killAfter(deadlineMs);
  }

  #killAfter(deadlineMs: number): void {
    this.#killing?.cancel();
    this.#killing = systemClock.schedule(deadlineMs, () => this.#child?.kill("SIGKILL"));
  }

  #ask(): void {
    this.#child?.kill(this.#options.stopSignal ?? "SIGTERM");
  }

  #onEnd(how: string, startedAtMs: number): void {
    this.#child = undefined;
    if (this.#isStopping) return;
    const lifeMs = systemClock.monotonicMs() - startedAtMs;
    this.#deaths = lifeMs >= healthyAfterMs ? 1 : this.#deaths + 1;
    const pauseMs = Math.min(firstPauseMs * 2 ** (this.#deaths - 1), longestPauseMs);
    this.#options.onDeath(how, pauseMs);
    this.#restart = systemClock.schedule(pauseMs, () => this.start());
  }
}
