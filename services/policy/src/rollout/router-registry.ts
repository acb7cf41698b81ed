import { fromBinary } from "@bufbuild/protobuf";
import type { RouterStatus } from "@penstock/api";
import { RouterStatusSchema } from "@penstock/api";
import type { BucketEntry, ConfigBucket, Watch } from "@penstock/bus";
import type { Clock } from "@penstock/runtime";
import type { PolicyEvents } from "../events.ts";

/** A router that said nothing for this long does not count (decisions §7). */
export const routerLifeMs = 30_000;

/**
 * `seenMs`: when the report arrived, monotonic. Not the time that the report says: a router whose
 * clock is off would be overlooked, and a revision called applied that it has not taken. What is
 * replayed at the start is at most as old, since the bucket drops its entries after the same time.
 */
interface SeenRouter {
  readonly status: RouterStatus;
  readonly seenMs: number;
}

/** Heard of at the same time; who else calls is not kept. */
const maxRouters = 10_000;

/** What the routers say of themselves: over the bus, and by calls while it is away. */
export class RouterRegistry {
  readonly #clock: Clock;
  readonly #events: PolicyEvents;
  readonly #byKey = new Map<string, SeenRouter>();
  readonly #listeners = new Set<() => void>();
  #watch: Watch | undefined;

  constructor(clock: Clock, events: PolicyEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Begins to follow; the bus must be reachable. */
  async start(bucket: ConfigBucket, signal: AbortSignal): Promise<void> {
    this.#watch = await bucket.watch({
      signal,
      onEntry: (entry) => this.#take(entry),
      onProblem: (error) => this.#events.backgroundFailed("follow routers", error),
    });
  }

  /** Routers seen in the last 30 s, by replica name. */
  list(): RouterStatus[] {
    const sinceMs = this.#clock.monotonicMs() - routerLifeMs;
    return [...this.#byKey.values()]
      .filter(({ seenMs }) => seenMs >= sinceMs)
      .map(({ status }) => status)
      .toSorted((left, right) => (left.replica < right.replica ? -1 : 1));
  }

  /** Calls `listener` after every report and every departure; gives the way to stop it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes a report that did not come over the bus. Older ones than the bus has brought meanwhile
   * are left out.
   */
  hear(status: RouterStatus): void {
    const known = this.#byKey.get(status.replica);
    if (known === undefined && this.#byKey.size >= maxRouters) this.#forgetSilent();
    if (known === undefined && this.#byKey.size >= maxRouters) return;
    if (known !== undefined && isBehind(status, known.status)) return;
    this.#note(status.replica, status);
    this.#tell();
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  #take({ key, value, deleted }: BucketEntry): void {
    if (deleted) this.#byKey.delete(key);
    else {
      const status = readStatus(value);
      if (status === undefined) return;
      this.#note(key, status);
    }
    this.#tell();
  }

  #note(key: string, status: RouterStatus): void {
    this.#byKey.set(key, { status, seenMs: this.#clock.monotonicMs() });
  }

  #forgetSilent(): void {
    const sinceMs = this.#clock.monotonicMs() - routerLifeMs;
    for (const [key, { seenMs }] of this.#byKey) if (seenMs < sinceMs) this.#byKey.delete(key);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Whether a router says what it was before: in one life of it revisions only grow. */
function isBehind(one: RouterStatus, other: RouterStatus): boolean {
  if (one.epoch !== other.epoch) return one.epoch < other.epoch;
  if (one.configEpoch !== other.configEpoch) return one.configEpoch < other.configEpoch;
  return one.appliedRevision < other.appliedRevision;
}

function readStatus(value: Uint8Array): RouterStatus | undefined {
  try {
    return fromBinary(RouterStatusSchema, value);
  } catch {
    return undefined;
  }
}
