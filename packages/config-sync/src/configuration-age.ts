import type { Clock } from "@penstock/runtime";

/** How long ago the configuration in use was last known to be the newest there is. */
export class ConfigurationAge {
  readonly #clock: Clock;
  #confirmedMs: number;
  #wasConfirmed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#confirmedMs = clock.monotonicMs();
  }

  /** It comes from a file: what was known after that was written, nobody remembers. */
  writtenAt(wallMs: number): void {
    const sinceMs = Math.max(0, this.#clock.wallMs() - wallMs);
    this.#confirmedMs = this.#clock.monotonicMs() - sinceMs;
  }

  /** Whoever knows the newest has just said that it is this one. */
  confirm(): void {
    this.#wasConfirmed = true;
    this.#confirmedMs = this.#clock.monotonicMs();
  }

  /** The newest is another one, which is not used: time goes on from the last confirmation. */
  doubt(): void {
    this.#wasConfirmed = false;
  }

  /** `isPushed`: the newest would have come, so that what was confirmed once still is. */
  readMs(isPushed: boolean): number {
    if (isPushed && this.#wasConfirmed) return 0;
    return this.#clock.monotonicMs() - this.#confirmedMs;
  }
}
