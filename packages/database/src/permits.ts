import { GatewayError } from "@penstock/errors";
import type { Clock, Timer } from "@penstock/runtime";

/** How many may work at once, and how many may wait for how long. */
export interface PermitLimits {
  readonly count: number;
  readonly maxWaiting: number;
  readonly waitTimeoutMs: number;
}

interface Waiter {
  readonly admit: () => void;
  readonly timer: Timer;
}

/**
 * A counting lock with a bounded queue, first come, first served: when what it guards is slow,
 * callers are refused at once or after a while instead of piling up.
 */
export class Permits {
  readonly #limits: PermitLimits;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();
  #used = 0;

  constructor(limits: PermitLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Takes a permit, to be given back once. Throws GatewayError UNAVAILABLE when none gets free. */
  async take(): Promise<void> {
    const { count, maxWaiting, waitTimeoutMs } = this.#limits;
    if (this.#used < count) {
      this.#used += 1;
      return;
    }
    if (this.#waiting.size >= maxWaiting) throw tooMany();
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(waiter);
        reject(tooMany());
      };
      const waiter = { admit: resolve, timer: this.#clock.schedule(waitTimeoutMs, giveUp) };
      this.#waiting.add(waiter);
    });
  }

  /** Gives a permit back: it passes to who waited longest. */
  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#used -= 1;
      return;
    }
    this.#waiting.delete(next);
    next.timer.cancel();
    next.admit();
  }
}

function tooMany(): GatewayError {
  const message = "Too many requests wait for the database; repeat the request.";
  return new GatewayError("UNAVAILABLE", message, { source: "gateway", retryAfterMs: 1_000 });
}
