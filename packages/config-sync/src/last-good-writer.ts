import type { Configuration } from "./candidate.ts";
import { saveLastGood } from "./last-good-file.ts";

/** Keeps configurations on disk, one write at a time; of those that wait only the newest counts. */
export class LastGoodWriter {
  readonly #folder: string;
  readonly #onError: (error: unknown) => void;
  #waiting: Configuration | undefined;
  #writing: Promise<void> | undefined;

  constructor(folder: string, onError: (error: unknown) => void) {
    this.#folder = folder;
    this.#onError = onError;
  }

  /** Begins to write; never throws. */
  save(configuration: Configuration): void {
    this.#waiting = configuration;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // On a later turn: whoever waits for the swap does not wait for the encoding.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting !== undefined) {
      const next = this.#waiting;
      this.#waiting = undefined;
      await saveLastGood(this.#folder, next).catch(this.#onError);
    }
  }
}
