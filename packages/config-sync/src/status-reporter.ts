import { create, toBinary } from "@bufbuild/protobuf";
import type { RouterStatus } from "@penstock/api";
import { RefusedResourceSchema, RouterStatusSchema } from "@penstock/api";
import type { ConfigBucket } from "@penstock/bus";
import type { Logger } from "@penstock/observability";
import type { Clock, Timer } from "@penstock/runtime";
import type { ResourceProblem } from "@penstock/snapshot";

import { withDeadline } from "./call-deadline.ts";

/** decisions §7: a router exists by writing this often; the bucket forgets it after 30 s. */
const reportIntervalMs = 10_000;
/** After a write that failed, then twice as long each time: a bus that elects is soon back. */
const firstRetryMs = 1_000;
/** A bus that takes longer elects a leader; policy waits for the status meanwhile. */
const slowMs = 300;
const maxRefused = 200;
const maxProblemsEach = 20;

/** Refused resources with their sentences, bounded so that a status fits the bus. */
export function refusedResources(problems: readonly ResourceProblem[]): RouterStatus["refused"] {
  const byName = Map.groupBy(problems, ({ name }) => name);
  return [...byName].slice(0, maxRefused).map(([name, found]) =>
    create(RefusedResourceSchema, {
      name,
      revision: found[0]?.revision ?? 0n,
      problems: found.slice(0, maxProblemsEach).map(({ field, description }) => {
        return `${field} ${description}`.trim().slice(0, 500);
      }),
    }),
  );
}

/** Tells policy by a call; the signal ends it. */
export type ReportStatus = (status: RouterStatus, signal: AbortSignal) => Promise<unknown>;

/** What a reporter needs. */
export interface StatusReporterOptions {
  readonly bucket: ConfigBucket;
  /** Gives the status as it is now; its replica is the key in `bucket`. */
  read(): RouterStatus;
  /** The way round a bus that takes nothing; absent: there is none. */
  readonly call?: ReportStatus | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Writes the status of this replica every 10 s and whenever it changed. */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  #retryMs = firstRetryMs;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #again = false;
  #doubtsBus = false;
  readonly #ended = new AbortController();

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  /**
   * Writes now and again in 10 s, sooner after a failure; one under way is followed by another.
   * `doubtsBus`: policy is called, too, as the bus has just failed in the other direction.
   */
  report(doubtsBus = false): void {
    if (this.#ended.signal.aborted) return;
    this.#doubtsBus ||= doubtsBus;
    this.#reportIn(reportIntervalMs);
    if (this.#writing !== undefined) {
      this.#again = true;
      return;
    }
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.report();
    });
  }

  #reportIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(delayMs, () => this.report());
  }

  /** Takes the replica out of the bucket; nobody waits for it any more. */
  async close(): Promise<void> {
    this.#ended.abort();
    this.#timer?.cancel();
    await this.#writing;
    const { bucket, read } = this.#options;
    await bucket.delete(read().replica).catch(() => undefined);
  }

  /** Policy is called at most once beside a write: at once in doubt, else when it is slow or fails. */
  async #write(): Promise<void> {
    const { bucket, clock, logger, read } = this.#options;
    const status = read();
    let calling: Promise<void> | undefined;
    const call = () => (calling ??= this.#call(status));
    if (this.#doubtsBus) void call();
    this.#doubtsBus = false;
    const slow = clock.schedule(slowMs, () => void call());
    try {
      await bucket.put(status.replica, toBinary(RouterStatusSchema, status));
      this.#retryMs = firstRetryMs;
    } catch (error) {
      logger.debug("status could not be written", { error });
      if (this.#ended.signal.aborted) return;
      this.#reportIn(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, reportIntervalMs);
      void call();
    } finally {
      slow.cancel();
      await calling;
    }
  }

  /** A policy that is away, too, hears of it with the next write. */
  async #call(status: RouterStatus): Promise<void> {
    const { call, clock } = this.#options;
    if (call === undefined || this.#ended.signal.aborted) return;
    const run = (signal: AbortSignal) => call(status, signal);
    await withDeadline(run, clock, this.#ended.signal).catch(() => undefined);
  }
}
