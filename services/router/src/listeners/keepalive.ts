import type { MonotonicMs } from "@penstock/limits";
import type { Clock, Timer } from "@penstock/runtime";

/** Sends a sign of life whenever a stream was quiet for so long: proxies cut idle connections. */
export class Keepalive {
  readonly #clock: Clock;
  readonly #send: () => void;
  #intervalMs = 0;
  #timer: Timer | undefined;
  #lastWriteMs = 0;

  /** `send` is called when it is time, and counts as a write. */
  constructor(clock: Clock, send: () => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Begins to count now. Unit: milliseconds, above 0. */
  start(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    this.wrote(this.#clock.monotonicMs());
    this.#schedule(intervalMs);
  }

  /** Something was written at this moment. */
  wrote(nowMs: MonotonicMs): void {
    this.#lastWriteMs = nowMs;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(delayMs, () => this.#fire());
  }

  #fire(): void {
    const nowMs = this.#clock.monotonicMs();
    const quietMs = nowMs - this.#lastWriteMs;
    // Timers of the event loop may fire up to a millisecond early.
    if (quietMs + 1 < this.#intervalMs) {
      this.#schedule(this.#intervalMs - quietMs);
      return;
    }
    this.wrote(nowMs);
    this.#schedule(this.#intervalMs);
    this.#send();
  }
}
