import process from "node:process";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { sleep } from "./sleep.ts";

/** The part of a logger that `runService` uses. */
export interface ServiceLogger {
  info(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** The part of a process that `runService` uses; tests pass their own. */
export interface ServiceHost {
  on(event: HostEvent, listener: (cause: unknown) => void): unknown;
  off(event: HostEvent, listener: (cause: unknown) => void): unknown;
  exit(code: number): void;
}

/** What ends a service: the first two ask it to drain, the others mean it is broken. */
export type HostEvent = "SIGTERM" | "SIGINT" | "uncaughtException" | "unhandledRejection";

/** One service as the process sees it. */
export interface RunServiceOptions {
  /** Resolves once started; the signal aborts when the process is asked to end meanwhile. */
  start(signal: AbortSignal): Promise<void>;
  /**
   * Accepts nothing new and finishes what is open within `deadlineMs`. `hurry` aborts when a
   * second signal shortens the rest to `hurriedDrainMs`.
   */
  drain(deadlineMs: number, hurry: AbortSignal): Promise<void>;
  readonly logger: ServiceLogger;
  readonly clock?: Clock;
  /** Default 120 s: long answers may finish (a laptop passes 5 s). */
  readonly drainTimeoutMs?: number;
  /** What is left after a second signal; default 5 s. */
  readonly hurriedDrainMs?: number;
  readonly host?: ServiceHost;
  /**
   * Told why it did not start, before the logger is. Whoever gives an exit code has dealt with it;
   * undefined leaves it to the logger and code 1.
   */
  onNotStarted?(cause: unknown): number | undefined;
}

/** Who asks twice wants an end: what is still open has this long. */
const defaultHurriedDrainMs = 5_000;
/** A launcher in the same group hands on the signal that we have already: that one is no second. */
const sameSignalMs = 500;

/**
 * Runs a service until SIGTERM or SIGINT, drains it, and ends the process: code 0 after a clean
 * drain, that of `onNotStarted` after a start it knows about, 1 when start or drain failed, the
 * deadline passed or the process broke. Resolves with the code (seen only by tests, whose host
 * does not exit).
 */
export async function runService(options: RunServiceOptions): Promise<number> {
  const host = options.host ?? process;
  const clock = options.clock ?? systemClock;
  const asked = new AbortController();
  const hurry = new AbortController();
  const broken = Promise.withResolvers<number>();
  const onSignal = (): (() => void) => {
    let lastMs = Number.NEGATIVE_INFINITY;
    return () => {
      const nowMs = clock.monotonicMs();
      const isSame = nowMs - lastMs < sameSignalMs;
      lastMs = nowMs;
      if (!isSame) (asked.signal.aborted ? hurry : asked).abort();
    };
  };
  const onBroken = (cause: unknown): void => {
    options.logger.error("process broken, ending at once", { cause });
    broken.resolve(1);
  };
  const listeners: [HostEvent, (cause: unknown) => void][] = [
    ["SIGTERM", onSignal()],
    ["SIGINT", onSignal()],
    ["uncaughtException", onBroken],
    ["unhandledRejection", onBroken],
  ];
  for (const [event, listener] of listeners) host.on(event, listener);
  const code = await Promise.race([
    live(options, clock, asked.signal, hurry.signal),
    broken.promise,
  ]);
  for (const [event, listener] of listeners) host.off(event, listener);
  host.exit(code);
  return code;
}

async function live(
  options: RunServiceOptions,
  clock: Clock,
  asked: AbortSignal,
  hurry: AbortSignal,
): Promise<number> {
  const { logger } = options;
  try {
    await options.start(asked);
    logger.info("service started");
  } catch (cause) {
    if (!asked.aborted) {
      const code = options.onNotStarted?.(cause);
      if (code !== undefined) return code;
      logger.error("service did not start", { cause });
      return 1;
    }
  }
  await aborted(asked);
  const deadlineMs = options.drainTimeoutMs ?? 120_000;
  logger.info("draining", { deadlineMs });
  try {
    const clean = await drainWithin(options, clock, deadlineMs, hurry);
    logger.info(clean ? "drained" : "drain deadline passed, ending");
    return clean ? 0 : 1;
  } catch (cause) {
    logger.error("drain failed", { cause });
    return 1;
  }
}

/** True when drained in time. One second of grace lets `drain` report its own deadline first. */
async function drainWithin(
  options: RunServiceOptions,
  clock: Clock,
  deadlineMs: number,
  hurry: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const hurriedDrainMs = options.hurriedDrainMs ?? defaultHurriedDrainMs;
  const late = async (): Promise<boolean> => {
    await sleep(clock, deadlineMs + 1_000, AbortSignal.any([over.signal, hurry])).catch(() => {});
    if (hurry.aborted) await sleep(clock, hurriedDrainMs, over.signal).catch(() => {});
    return false;
  };
  try {
    const drained = options.drain(deadlineMs, hurry).then(() => true);
    return await Promise.race([drained, late()]);
  } finally {
    over.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
