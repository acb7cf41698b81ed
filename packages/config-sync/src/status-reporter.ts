import { create, toBinary } from "@bufbuild/protobuf";
import type { RouterStatus } from "@penstock/api";
import { RefusedResourceSchema, RouterStatusSchema } from "@penstock/api";
import type { ConfigBucket } from "@penstock/bus";
import type { Logger } from "@penstock/observability";
import type { Clock, Timer } from "@penstock/runtime";
import type { ResourceProblem } from "@penstock/snapshot";

/** decisions §7: a router exists by writing this often; the bucket forgets it after 30 s. */
const reportIntervalMs = 10_000;
/** A bus that elects or comes back must not cost a whole interval. */
const retryIntervalMs = 1_000;
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

/** Writes the status of this replica every 10 s and whenever it changed. */
export class StatusReporter {
  readonly #bucket: ConfigBucket;
  readonly #read: () => RouterStatus;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** `read` gives the status as it is now; its replica is the key in `bucket`. */
  constructor(bucket: ConfigBucket, read: () => RouterStatus, clock: Clock, logger: Logger) {
    this.#bucket = bucket;
    this.#read = read;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Writes now and again in 10 s, after a failure in 1 s; one under way is followed by another. */
  report(): void {
    if (this.#closed) return;
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
    this.#timer = this.#clock.schedule(delayMs, () => this.report());
  }

  /** Takes the replica out of the bucket; nobody waits for it any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#bucket.delete(this.#read().replica).catch(() => undefined);
  }

  async #write(): Promise<void> {
    const status = this.#read();
    try {
      await this.#bucket.put(status.replica, toBinary(RouterStatusSchema, status));
    } catch (error) {
      this.#logger.debug("status could not be written", { error });
      if (!this.#closed) this.#reportIn(retryIntervalMs);
    }
  }
}
