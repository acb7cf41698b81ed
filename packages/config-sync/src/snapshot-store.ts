import type { Snapshot } from "@penstock/snapshot";

/** Told of every new snapshot, after it is the current one. */
export type ChangeListener = (next: Snapshot, previous: Snapshot | undefined) => void;

/** The current snapshot: one reference that is swapped, and those who want to know. */
export class SnapshotStore {
  #current: Snapshot | undefined;
  readonly #listeners = new Set<ChangeListener>();
  readonly #onListenerError: (error: unknown) => void;

  /** `onListenerError` hears of listeners that throw; the others are told all the same. */
  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  current(): Snapshot | undefined {
    return this.#current;
  }

  swap(next: Snapshot): void {
    const previous = this.#current;
    this.#current = next;
    for (const listener of this.#listeners) {
      try {
        listener(next, previous);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }

  /** Adds a listener; the answer removes it. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The current snapshot, or the first one; rejects with the reason of the signal. */
  wait(signal: AbortSignal): Promise<Snapshot> {
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        remove();
        reject(signal.reason);
      };
      const remove = this.onChange((next) => {
        remove();
        signal.removeEventListener("abort", onAbort);
        resolve(next);
      });
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
