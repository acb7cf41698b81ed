/** Callers that may wait for a record; more only look from time to time. */
const maximumWaiting = 10_000;

/** Wakes those who wait for the record of a request. */
export class Arrivals {
  readonly #waiting = new Map<string, Set<() => void>>();
  #count = 0;

  /** Calls `wake` when the request's record is stored by this process; gives how to stop that. */
  expect(requestId: string, wake: () => void): () => void {
    if (this.#count >= maximumWaiting) return () => undefined;
    const wakes = this.#waiting.get(requestId) ?? new Set();
    this.#waiting.set(requestId, wakes.add(wake));
    this.#count += 1;
    return () => {
      if (!wakes.delete(wake)) return;
      this.#count -= 1;
      if (wakes.size === 0 && this.#waiting.get(requestId) === wakes) {
        this.#waiting.delete(requestId);
      }
    };
  }

  /** Wakes those who wait for one of these requests. */
  announce(requestIds: Iterable<string>): void {
    if (this.#count === 0) return;
    for (const requestId of requestIds) {
      for (const wake of this.#waiting.get(requestId) ?? []) wake();
    }
  }
}
