/** A transaction that takes no longer leaves room for one with more events. Milliseconds. */
const shortMs = 25;
/**
 * One that takes longer was too large. With the embedded database a lease sync, which its router
 * waits 150 ms for, may have to wait for a transaction of each of two consumers.
 */
const longMs = 50;

/**
 * How many events the next transaction may have. Its statements cost something each, however many
 * events they are for, so that few large ones are cheaper than many small ones.
 */
export class BatchSize {
  readonly #smallest: number;
  readonly #largest: number;
  #size: number;

  constructor(smallest: number, largest: number) {
    this.#smallest = smallest;
    this.#largest = Math.max(smallest, largest);
    this.#size = smallest;
  }

  get size(): number {
    return this.#size;
  }

  /** Notes how long a transaction took; one far from full says nothing of larger ones. */
  note(events: number, durationMs: number): void {
    if (durationMs > longMs) this.#size = Math.max(this.#smallest, Math.floor(this.#size / 2));
    else if (durationMs <= shortMs && events * 2 > this.#size) {
      this.#size = Math.min(this.#largest, Math.ceil(this.#size * 1.25));
    }
  }
}
