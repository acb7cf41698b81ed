import type { Clock } from "@penstock/runtime";
import { sleep } from "@penstock/runtime";

// reliability.md §2.8: soon after a hiccup, no burden on a control plane that is down.
const firstDelayMs = 200;
const longestDelayMs = 30_000;

/** What a loop needs. */
export interface ReloadLoopOptions {
  readonly clock: Clock;
  /** Ends the loop. */
  readonly signal: AbortSignal;
  onFailure(because: string, error: unknown): void;
}

/** Loads until it succeeds, with back-off, whenever somebody wants it; never twice at once. */
export class ReloadLoop {
  readonly #load: () => Promise<boolean>;
  readonly #options: ReloadLoopOptions;
  #because: string | undefined;
  #running: Promise<void> | undefined;
  #pause = new AbortController();

  /** `load` answers true when what is in use is the newest there is. */
  constructor(load: () => Promise<boolean>, options: ReloadLoopOptions) {
    this.#load = load;
    this.#options = options;
  }

  /** Begins to load at once, or joins the loop that runs. */
  want(because: string): void {
    if (this.#options.signal.aborted) return;
    this.#because = because;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#because !== undefined) this.want(this.#because);
    });
  }

  /** The same, and without the rest of a pause: what made loading fail is over. */
  wantNow(because: string): void {
    this.want(because);
    this.#pause.abort();
  }

  /** What was wanted has come in another way. */
  done(): void {
    this.#because = undefined;
  }

  /** Resolves when the loop has ended. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, onFailure, signal } = this.#options;
    let delayMs = firstDelayMs;
    while (this.#because !== undefined && !signal.aborted) {
      const because = this.#because;
      try {
        if (await this.#load()) this.#because = undefined;
      } catch (error) {
        onFailure(because, error);
      }
      if (this.#because === undefined) return;
      this.#pause = new AbortController();
      const ended = AbortSignal.any([signal, this.#pause.signal]);
      await sleep(clock, delayMs, ended).catch(() => undefined);
      delayMs = Math.min(2 * delayMs, longestDelayMs);
    }
  }
}
