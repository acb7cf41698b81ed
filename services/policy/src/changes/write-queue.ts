import { GatewayError } from "@penstock/errors";

/** A write takes a few milliseconds, so this is a second or two of waiting. */
const maxWaiting = 256;

/**
 * Runs the writes of this replica one after the other: they would only queue for the lock of the
 * head otherwise, each holding a connection, and the cache has one user at a time.
 */
export class WriteQueue {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws GatewayError OVERLOADED when too many wait; the signal's reason when it aborted. */
  async run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    if (this.#waiting >= maxWaiting) {
      const message = `${maxWaiting} changes are waiting already; repeat the request later.`;
      throw new GatewayError("OVERLOADED", message, { retryAfterMs: 1_000 });
    }
    this.#waiting += 1;
    const turn = this.#last.then(async () => {
      this.#waiting -= 1;
      signal?.throwIfAborted();
      return await work();
    });
    this.#last = turn.catch(() => {});
    return await turn;
  }
}
