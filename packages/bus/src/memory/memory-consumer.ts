import type { Clock, Timer } from "@penstock/runtime";
import type { Consumption, ConsumeOptions, Delivery } from "../event-stream.ts";
import type { DeliveryOutcome, StreamMessage } from "../event-stream.ts";
import { MemoryRun } from "./memory-run.ts";

/** A message in the stream; `doneBy` counts the consumers that have answered for it. */
export interface StoredMessage {
  readonly sequence: number;
  readonly message: StreamMessage;
  readonly sizeBytes: number;
  doneBy: number;
}

/** What a consumer shares with its stream. */
export interface MemoryConsumerOptions {
  readonly clock: Clock;
  readonly ackWaitMs: number;
  /** By sequence, in ascending order. */
  readonly messages: ReadonlyMap<number, StoredMessage>;
  lastSequence(): number;
  onDone(stored: StoredMessage): void;
}

/** Messages with a handler. */
export interface Flight {
  readonly stored: readonly StoredMessage[];
  /** Gives them back; undefined once they were answered for or given back. */
  deadline: Timer | undefined;
}

/**
 * A durable name on a memory stream. Its position outlives its runs: a message is new (after
 * `#position`), in flight (with a handler), waiting for a retry, or done.
 */
export class MemoryConsumer {
  readonly #options: MemoryConsumerOptions;
  readonly #retries: StoredMessage[] = [];
  readonly #timers = new Set<Timer>();
  readonly #deliveryCounts = new Map<number, number>();
  readonly #runs = new Set<MemoryRun>();
  #position = 0;

  constructor(options: MemoryConsumerOptions) {
    this.#options = options;
    const first = options.messages.keys().next();
    this.#position = first.done === true ? 0 : first.value - 1;
  }

  /** Tells waiting runs that there is something to take. */
  wake(): void {
    for (const run of this.#runs) run.wake();
  }

  start(options: ConsumeOptions): Consumption {
    const run = new MemoryRun(options, this, this.#options.clock);
    this.#runs.add(run);
    const close = async (): Promise<void> => {
      await run.close();
      this.#runs.delete(run);
    };
    const abandon = (): void => {
      run.abandon();
      this.#runs.delete(run);
    };
    options.signal?.addEventListener("abort", abandon, { once: true });
    run.wake();
    return { close };
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const run of this.#runs) run.abandon();
    this.#runs.clear();
  }

  /** Takes up to `maxBatch` messages for a handler, retries first; undefined when none is due. */
  take(maxBatch: number): Flight | undefined {
    const stored = this.#retries.splice(0, maxBatch);
    const last = this.#options.lastSequence();
    while (stored.length < maxBatch && this.#position < last) {
      this.#position += 1;
      // Others may have been done with it before this consumer existed.
      const message = this.#options.messages.get(this.#position);
      if (message !== undefined) stored.push(message);
    }
    if (stored.length === 0) return undefined;
    for (const { sequence } of stored) {
      this.#deliveryCounts.set(sequence, (this.#deliveryCounts.get(sequence) ?? 0) + 1);
    }
    const flight: Flight = { stored, deadline: undefined };
    flight.deadline = this.#schedule(this.#options.ackWaitMs, () => this.giveBack(flight));
    return flight;
  }

  deliveriesOf(flight: Flight): Delivery[] {
    return flight.stored.map(({ sequence, message }) => ({
      ...message,
      deliveryCount: this.#deliveryCounts.get(sequence) ?? 1,
    }));
  }

  /** Applies what the handler said, unless the messages were given back meanwhile. */
  settle(flight: Flight, outcomeAt: (index: number) => DeliveryOutcome): void {
    if (!this.#end(flight)) return;
    for (const [index, stored] of flight.stored.entries()) {
      const outcome = outcomeAt(index);
      if (typeof outcome === "object") this.#retryLater(stored, outcome.retryAfterMs);
      else this.#done(stored);
    }
  }

  /** The handler is still at it: its time begins anew. */
  prolong(flight: Flight): void {
    if (!this.#end(flight)) return;
    flight.deadline = this.#schedule(this.#options.ackWaitMs, () => this.giveBack(flight));
  }

  /** Makes messages nobody answered for available at once. */
  giveBack(flight: Flight): void {
    if (!this.#end(flight)) return;
    this.#retries.push(...flight.stored);
    this.wake();
  }

  #end(flight: Flight): boolean {
    const { deadline } = flight;
    if (deadline === undefined) return false;
    flight.deadline = undefined;
    deadline.cancel();
    this.#timers.delete(deadline);
    return true;
  }

  #retryLater(stored: StoredMessage, delayMs: number): void {
    this.#schedule(delayMs, () => {
      this.#retries.push(stored);
      this.wake();
    });
  }

  #done(stored: StoredMessage): void {
    this.#deliveryCounts.delete(stored.sequence);
    this.#options.onDone(stored);
  }

  #schedule(delayMs: number, run: () => void): Timer {
    const timer = this.#options.clock.schedule(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return timer;
  }
}
