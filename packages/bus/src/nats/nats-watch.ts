import { DeliverPolicy } from "@nats-io/jetstream";
import type { JetStreamClient, JetStreamManager, JsMsg } from "@nats-io/jetstream";
import type { PushConsumer } from "@nats-io/jetstream";
import type { Clock, Timer } from "@penstock/runtime";
import type { BucketEntry, Watch, WatchOptions } from "../config-bucket.ts";
import { unavailable } from "./nats-errors.ts";

// A consumer can fall silent on a healthy connection (its server died, nats-server issue 3791).
// So every two seconds: has the stream moved while this watch has not, twice in a row? Then
// watch again from the next revision; entries seen twice are dropped by their revision.

/** What a watch needs of its bucket. */
export interface NatsWatchContext {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  readonly options: WatchOptions;
  readonly stream: string;
  readonly subjectPrefix: string;
  readonly expireAfterMs: number;
  newest(key: string): Promise<BucketEntry | undefined>;
  onClose(): void;
}

const watchdogEveryMs = 2_000;
const longestPauseMs = 60_000;

type Messages = Awaited<ReturnType<PushConsumer["consume"]>>;

/** One watcher of a NATS bucket. */
export class NatsWatch implements Watch {
  readonly #context: NatsWatchContext;
  readonly #filter: string;
  // Keys told and not deleted: what a replay may leave out, and what can expire. Value: until
  // when (monotonic) the entry certainly lives.
  readonly #alive = new Map<string, number>();
  #last = 0n;
  #caughtUp = false;
  #closed = false;
  #consumer: PushConsumer | undefined;
  #messages: Messages | undefined;
  #timer: Timer | undefined;
  #laggedAt = 0n;
  #failures = 0;

  constructor(context: NatsWatchContext) {
    this.#context = context;
    const prefix = context.options.prefix ?? "";
    // A server filters by whole words; any other prefix is filtered here.
    const words = prefix.slice(0, prefix.lastIndexOf(".") + 1);
    this.#filter = `${context.subjectPrefix}${words}>`;
    context.options.signal?.addEventListener("abort", this.#end, { once: true });
  }

  /** Begins; rejects when the bus cannot be reached now. */
  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      this.#end();
      throw unavailable("watch", error);
    }
    this.#scheduleCheck(watchdogEveryMs);
  }

  async close(): Promise<void> {
    this.#end();
  }

  readonly #end = (): void => {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.options.signal?.removeEventListener("abort", this.#end);
    this.#timer?.cancel();
    this.#stopConsumer();
    this.#context.onClose();
  };

  async #open(): Promise<void> {
    const { client, stream } = this.#context;
    const position =
      this.#last === 0n
        ? { deliver_policy: DeliverPolicy.LastPerSubject }
        : { opt_start_seq: Number(this.#last + 1n) };
    const consumer = await client.consumers.getPushConsumer(stream, {
      filter_subjects: this.#filter,
      ...position,
    });
    this.#consumer = consumer;
    const { num_pending: pending } = await consumer.info(true);
    if (this.#closed) return this.#stopConsumer();
    if (pending === 0) this.#tellCaughtUp();
    const messages = await consumer.consume({
      callback: (message) => {
        if (this.#messages === messages || this.#messages === undefined) this.#take(message);
      },
    });
    this.#messages = messages;
  }

  #stopConsumer(): void {
    this.#messages?.stop();
    // The server would keep it five minutes; many watches opened and closed would pile up.
    this.#consumer?.delete().catch(() => {});
    this.#messages = undefined;
    this.#consumer = undefined;
  }

  #take(message: JsMsg): void {
    if (this.#closed) return;
    const revision = BigInt(message.seq);
    const isNew = revision > this.#last;
    if (isNew) {
      this.#last = revision;
      const deleted = (message.headers?.get("KV-Operation") ?? "") !== "";
      const key = message.subject.slice(this.#context.subjectPrefix.length);
      this.#tell({ key, value: message.data, revision, deleted });
    }
    if (message.info.pending === 0) this.#tellCaughtUp();
  }

  #tell(entry: BucketEntry): void {
    if (!entry.key.startsWith(this.#context.options.prefix ?? "")) return;
    const wasAlive = this.#alive.delete(entry.key);
    if (!entry.deleted) {
      const livesUntil = this.#context.clock.monotonicMs() + this.#context.expireAfterMs;
      this.#alive.set(entry.key, livesUntil);
    }
    // Deletions of long ago are no news to a watcher that has just come.
    if (entry.deleted && !wasAlive && !this.#caughtUp) return;
    this.#call(() => this.#context.options.onEntry(entry));
  }

  #tellCaughtUp(): void {
    if (this.#caughtUp) return;
    this.#caughtUp = true;
    this.#call(() => this.#context.options.onCaughtUp?.());
  }

  #call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#context.options.onProblem?.(error);
    }
  }

  #scheduleCheck(delayMs: number): void {
    if (this.#closed) return;
    this.#timer = this.#context.clock.schedule(delayMs, () => {
      void this.#check();
    });
  }

  async #check(): Promise<void> {
    let pauseMs = watchdogEveryMs;
    try {
      await this.#reopenIfSilent();
      await this.#tellExpired();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      pauseMs = Math.min(watchdogEveryMs * 2 ** this.#failures, longestPauseMs);
      if (!this.#closed) this.#context.options.onProblem?.(error);
    }
    const { expireAfterMs } = this.#context;
    const finestMs = expireAfterMs > 0 ? Math.max(expireAfterMs / 10, 50) : pauseMs;
    this.#scheduleCheck(Math.min(pauseMs, this.#failures > 0 ? pauseMs : finestMs));
  }

  async #reopenIfSilent(): Promise<void> {
    const { last, newest } = await this.#streamPosition();
    if (this.#closed) return;
    const isRecreated = last < this.#last;
    const isSilent = newest > this.#last && this.#laggedAt === this.#last && this.#laggedAt > 0n;
    const isEmptySilent = newest > 0n && this.#last === 0n && this.#laggedAt === -1n;
    this.#laggedAt = newest > this.#last ? (this.#last === 0n ? -1n : this.#last) : 0n;
    if (!isRecreated && !isSilent && !isEmptySilent) return;
    // A stream made anew counts from one again: begin again, too.
    if (isRecreated) this.#last = 0n;
    this.#laggedAt = 0n;
    this.#stopConsumer();
    await this.#open();
  }

  /** The stream's last sequence, and that of the last message this watch should have seen. */
  async #streamPosition(): Promise<{ last: bigint; newest: bigint }> {
    const { manager, stream } = this.#context;
    const { state } = await manager.streams.info(stream);
    const last = BigInt(state.last_seq);
    if (this.#filter === `${this.#context.subjectPrefix}>` || last <= this.#last) {
      return { last, newest: state.messages === 0 ? 0n : last };
    }
    const message = await manager.streams.getMessage(stream, { last_by_subj: this.#filter });
    return { last, newest: BigInt(message?.seq ?? 0) };
  }

  /** The server drops expired entries without a word, so ask for those that may be gone. */
  async #tellExpired(): Promise<void> {
    if (this.#context.expireAfterMs === 0) return;
    const nowMs = this.#context.clock.monotonicMs();
    for (const [key, livesUntil] of this.#alive) {
      if (livesUntil > nowMs) return;
      if ((await this.#context.newest(key)) !== undefined || this.#closed) continue;
      if (!this.#alive.delete(key)) continue;
      const entry = { key, value: new Uint8Array(0), revision: this.#last, deleted: true };
      this.#call(() => this.#context.options.onEntry(entry));
    }
  }
}
