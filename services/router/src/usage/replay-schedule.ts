import type { Clock, Timer } from "@penstock/runtime";

/** Events that were not confirmed for so long are published again. */
const firstReplayMs = 60_000;
/** After the bus was away, what is unconfirmed is looked at again so soon. */
const restoredMs = 5_000;
/**
 * The longest time between two replays: as long as a consumer is away all its events come again
 * each time.
 */
const longestReplayMs = 3_600_000;

interface Epoch {
  /** When its confirmations last went on, or it was last replayed. */
  sinceMs: number;
  waitMs: number;
}

/**
 * When what is not confirmed is published again: each epoch by itself after a minute without
 * progress, then after two, four and so on.
 */
export class ReplaySchedule {
  readonly #clock: Clock;
  readonly #look: () => void;
  readonly #epochs = new Map<bigint, Epoch>();
  #timer: Timer | undefined;
  #restoredTimer: Timer | undefined;
  /** Until then a hole may show that a bus which was away has lost something. */
  #restoredUntilMs = 0;
  #closed = false;

  /** `look` is called once a minute. */
  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
  }

  start(): void {
    this.#timer = this.#clock.schedule(firstReplayMs, () => {
      if (this.#closed) return;
      this.#look();
      this.start();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#restoredTimer?.cancel();
  }

  /** Consumers have more of the epoch than before. */
  progressed(epoch: bigint): void {
    const sinceMs = this.#clock.monotonicMs();
    // What came before a hole tells nothing about the hole.
    const isAwaited =
      sinceMs < this.#restoredUntilMs && this.#epochs.get(epoch)?.waitMs === restoredMs;
    this.#epochs.set(epoch, { sinceMs, waitMs: isAwaited ? restoredMs : firstReplayMs });
  }

  /**
   * The bus was away, and what it had may be gone: whenever consumers stand still for 5 s within
   * the next minute, they are given what they lack.
   */
  restored(): void {
    const sinceMs = this.#clock.monotonicMs();
    this.#restoredUntilMs = sinceMs + firstReplayMs;
    for (const one of this.#epochs.values()) {
      one.sinceMs = sinceMs;
      one.waitMs = restoredMs;
    }
    this.#lookSoon();
  }

  #lookSoon(): void {
    this.#restoredTimer?.cancel();
    this.#restoredTimer = this.#clock.schedule(restoredMs, () => {
      if (this.#closed) return;
      this.#look();
      if (this.#clock.monotonicMs() < this.#restoredUntilMs) this.#lookSoon();
    });
  }

  /**
   * Whether unconfirmed events of the epoch are to be published again now. Not while the bus takes
   * nothing, or others are read from the disk (`waiting`).
   */
  isDue(epoch: bigint, waiting: boolean): boolean {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#epochs.get(epoch);
    if (known === undefined) {
      this.#epochs.set(epoch, { sinceMs: nowMs, waitMs: firstReplayMs });
      return false;
    }
    if (waiting || nowMs - known.sinceMs < known.waitMs) return false;
    known.sinceMs = nowMs;
    known.waitMs = Math.min(longestReplayMs, Math.max(firstReplayMs, known.waitMs * 2));
    return true;
  }
}
