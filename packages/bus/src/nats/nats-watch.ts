import { sleep } from "@penstock/runtime";
import type { Clock, Timer } from "@penstock/runtime";
import type { BucketEntry, Watch, WatchOptions } from "../config-bucket.ts";
import { busError } from "./nats-errors.ts";
import type { NatsLink } from "./nats-link.ts";
import { openPush } from "./nats-push.ts";
import type { NatsPush, PushedMessage } from "./nats-push.ts";
import type { NatsSession } from "./nats-session.ts";
import { withStream } from "./nats-stores.ts";
import type { NatsStores } from "./nats-stores.ts";

// A watch outlives consumers and connections. It resumes behind the last message it saw when the
// stream still has that message; else (the store was emptied, rolled back, or the message was
// overwritten meanwhile) it reads the newest message of each key and leaves out what it has told.

/** What a watch needs of its bucket. */
export interface NatsWatchContext {
  readonly link: NatsLink;
  readonly stores: NatsStores;
  readonly clock: Clock;
  readonly options: WatchOptions;
  readonly stream: string;
  readonly subjectPrefix: string;
  readonly expireAfterMs: number;
  newest(key: string): Promise<BucketEntry | undefined>;
  onClose(): void;
}

/** A key as it was told; what a later replay may leave out, and what can expire. */
interface Told {
  readonly revision: bigint;
  readonly timeMs: number;
  /** Monotonic: until then the entry certainly lives. */
  readonly livesUntilMs: number;
}

/** A consumer can stand still although its heartbeats come (a server cut off from the others). */
const lookEveryMs = 10_000;
const firstRetryMs = 200;
// Followers are back moments after a cluster has elected its leaders (4 to 9 s after a death).
const longestRetryMs = 1_000;
const patienceMs = 30_000;
const patientRetryMs = 5_000;
/** A watch that lasted so long was well: its end is no reason to be patient. */
const steadyMs = 10_000;

/** The part of a subject by which a server can filter: whole words. */
export function filterOf(subjectPrefix: string, prefix: string): string {
  return `${subjectPrefix}${prefix.slice(0, prefix.lastIndexOf(".") + 1)}>`;
}

/** One watcher of a NATS bucket. */
export class NatsWatch implements Watch {
  readonly #context: NatsWatchContext;
  readonly #filter: string;
  readonly #ended = new AbortController();
  readonly #told = new Map<string, Told>();
  #last: { sequence: bigint; timeMs: number } | undefined;
  #created: string | undefined;
  #replaying = true;
  #caughtUp = false;
  #push: NatsPush | undefined;
  #expiryTimer: Timer | undefined;

  constructor(context: NatsWatchContext) {
    this.#context = context;
    this.#filter = filterOf(context.subjectPrefix, context.options.prefix ?? "");
    context.options.signal?.addEventListener("abort", this.#end, { once: true });
  }

  /** Begins; waits for the first consumer when there is a connection, never for a connection. */
  async start(): Promise<void> {
    const { link } = this.#context;
    const first = Promise.withResolvers<void>();
    if (!link.connected()) {
      first.resolve();
      this.#report(() => link.session());
    }
    void this.#run(first.resolve);
    this.#scheduleExpiry();
    await first.promise;
  }

  async close(): Promise<void> {
    this.#end();
  }

  readonly #end = (): void => {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#context.options.signal?.removeEventListener("abort", this.#end);
    this.#expiryTimer?.cancel();
    this.#push?.close();
    this.#context.onClose();
  };

  async #run(onFirst: () => void): Promise<void> {
    const { link, clock } = this.#context;
    const { signal } = this.#ended;
    let retryMs = firstRetryMs;
    let wellMs = clock.monotonicMs();
    while (!signal.aborted) {
      const session = await link.wait(signal).catch(() => undefined);
      if (session === undefined) break;
      const beganMs = clock.monotonicMs();
      try {
        await this.#follow(session, onFirst);
      } catch (error) {
        if (!signal.aborted) this.#context.options.onProblem?.(busError("watch", error));
      }
      onFirst();
      const nowMs = clock.monotonicMs();
      if (nowMs - beganMs > steadyMs) {
        retryMs = firstRetryMs;
        wellMs = nowMs;
      }
      await sleep(clock, retryMs * (0.5 + Math.random()), signal).catch(() => {});
      const longestMs = nowMs - wellMs < patienceMs ? longestRetryMs : patientRetryMs;
      retryMs = Math.min(2 * retryMs, longestMs);
    }
    onFirst();
  }

  /** Runs one consumer; ends with an error that says why it is over. */
  async #follow(session: NatsSession, onOpen: () => void): Promise<void> {
    const { stores, stream, clock } = this.#context;
    const push = await withStream(stores, stream, async () => {
      const from = await this.#position(session);
      this.#replaying = from === "newest";
      const onMessage = (message: PushedMessage): void => this.#take(message);
      return await openPush({ session, clock, stream, filter: this.#filter, from, onMessage });
    });
    if (this.#ended.signal.aborted) return push.close();
    this.#push = push;
    if (push.pending === 0) this.#tellCaughtUp();
    onOpen();
    try {
      throw new Error(await Promise.race([push.over, this.#standsStill(session, push)]));
    } finally {
      push.close();
    }
  }

  /** Where to begin: behind the last message, if the stream has gone on from there. */
  async #position(session: NatsSession): Promise<"newest" | bigint> {
    const { stream } = this.#context;
    const { created } = await session.probe.streams.info(stream);
    const last = this.#last;
    const isSame = created === this.#created && last !== undefined;
    this.#created = created;
    if (isSame) {
      const found = await session.probe.streams.getMessage(stream, {
        seq: Number(last.sequence),
      });
      if (found?.time.getTime() === last.timeMs) return last.sequence + 1n;
    }
    if (last !== undefined) this.#context.stores.suspectLoss();
    this.#last = undefined;
    return "newest";
  }

  #take(message: PushedMessage): void {
    if (this.#ended.signal.aborted) return;
    const { sequence, timeMs, deleted } = message;
    this.#last = { sequence, timeMs };
    const key = message.subject.slice(this.#context.subjectPrefix.length);
    const before = this.#told.get(key);
    const isNews = before?.revision !== sequence || before.timeMs !== timeMs;
    const value = message.data;
    if (isNews) this.#tell({ key, value, revision: sequence, deleted }, timeMs);
    if (message.pending === 0) this.#tellCaughtUp();
  }

  #tell(entry: BucketEntry, timeMs: number): void {
    const { clock, expireAfterMs, options } = this.#context;
    const { key, revision } = entry;
    if (!key.startsWith(options.prefix ?? "")) return;
    const wasThere = this.#told.delete(key);
    // Deletions of long ago are no news to a watcher that has just come.
    if (entry.deleted && !wasThere && this.#replaying) return;
    if (!entry.deleted) {
      const livesUntilMs = clock.monotonicMs() + expireAfterMs;
      this.#told.set(key, { revision, timeMs, livesUntilMs });
    }
    this.#report(() => options.onEntry(entry));
  }

  #tellCaughtUp(): void {
    this.#replaying = false;
    if (this.#caughtUp) return;
    this.#caughtUp = true;
    this.#report(() => this.#context.options.onCaughtUp?.());
  }

  #report(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#context.options.onProblem?.(error);
    }
  }

  /** Looks from time to time whether the stream has moved while this watch has not. */
  async #standsStill(session: NatsSession, push: NatsPush): Promise<string> {
    const done = new AbortController();
    void push.over.then(() => done.abort());
    const signal = AbortSignal.any([done.signal, this.#ended.signal]);
    let behindAt: bigint | undefined;
    for (;;) {
      const pauseMs = lookEveryMs * (0.8 + 0.4 * Math.random());
      await sleep(this.#context.clock, pauseMs, signal).catch(() => {});
      if (signal.aborted) return "closed";
      const last = this.#last?.sequence ?? 0n;
      const newest = await this.#newestSequence(session).catch(() => last);
      if (newest > last && behindAt === last) return "the watch stands still";
      behindAt = newest > last ? last : undefined;
    }
  }

  async #newestSequence({ manager }: NatsSession): Promise<bigint> {
    const query = { last_by_subj: this.#filter };
    const message = await manager.streams.getMessage(this.#context.stream, query);
    return BigInt(message?.seq ?? 0);
  }

  #scheduleExpiry(): void {
    const { clock, expireAfterMs } = this.#context;
    if (expireAfterMs === 0 || this.#ended.signal.aborted) return;
    const pauseMs = Math.min(Math.max(expireAfterMs / 10, 50), lookEveryMs);
    this.#expiryTimer = clock.schedule(pauseMs, () => {
      void this.#tellExpired()
        .catch(() => {})
        .finally(() => this.#scheduleExpiry());
    });
  }

  /** The server drops expired entries without a word, so ask for those that may be gone. */
  async #tellExpired(): Promise<void> {
    const { clock, link, options } = this.#context;
    const nowMs = clock.monotonicMs();
    for (const [key, { livesUntilMs, revision }] of this.#told) {
      if (livesUntilMs > nowMs || !link.connected()) return;
      if ((await this.#context.newest(key)) !== undefined) continue;
      if (this.#ended.signal.aborted) return;
      if (this.#told.get(key)?.revision !== revision || !this.#told.delete(key)) continue;
      const entry = { key, value: new Uint8Array(0), revision, deleted: true };
      this.#report(() => options.onEntry(entry));
    }
  }
}
