import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { ConsumeOptions, DeliveryOutcome } from "../event-stream.ts";
import type { Flight, MemoryConsumer } from "./memory-consumer.ts";

const retryAfterErrorMs = 1_000;
const closeWaitMs = 5_000;

/** One `consume` call: hands batches to its handler, one at a time, a turn between two. */
export class MemoryRun {
  readonly #options: ConsumeOptions;
  readonly #consumer: MemoryConsumer;
  readonly #clock: Clock;
  #scheduled = false;
  #ended = false;
  #flight: Flight | undefined;
  #working: Promise<void> | undefined;

  constructor(options: ConsumeOptions, consumer: MemoryConsumer, clock: Clock) {
    this.#options = options;
    this.#consumer = consumer;
    this.#clock = clock;
  }

  /** Looks for messages on the next turn. */
  wake(): void {
    if (this.#ended || this.#scheduled || this.#working !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#ended) this.#next();
    });
  }

  /** Waits for the handler; what it does not answer in time is given back. */
  async close(): Promise<void> {
    this.#ended = true;
    if (this.#working === undefined) return;
    const late = new AbortController();
    const timeout = sleep(this.#clock, closeWaitMs, late.signal).catch(() => {});
    await Promise.race([this.#working, timeout]);
    late.abort();
    this.abandon();
  }

  /** Gives back at once whatever the handler has. */
  abandon(): void {
    this.#ended = true;
    if (this.#flight !== undefined) this.#consumer.giveBack(this.#flight);
  }

  #next(): void {
    const flight = this.#consumer.take(this.#options.maxBatch);
    if (flight === undefined) return;
    this.#flight = flight;
    this.#working = this.#work(flight).finally(() => {
      this.#flight = undefined;
      this.#working = undefined;
      this.wake();
    });
  }

  async #work(flight: Flight): Promise<void> {
    let outcomes: readonly DeliveryOutcome[] = [];
    try {
      const progress = (): void => this.#consumer.prolong(flight);
      outcomes = await this.#options.handle(this.#consumer.deliveriesOf(flight), progress);
    } catch (error) {
      this.#options.onProblem?.(error);
    }
    const unanswered = { retryAfterMs: retryAfterErrorMs };
    this.#consumer.settle(flight, (index) => outcomes[index] ?? unanswered);
  }
}
