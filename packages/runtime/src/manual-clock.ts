import { monotonicMs, wallMs } from "@penstock/limits";
import type { MonotonicMs, WallMs } from "@penstock/limits";
import type { Clock, Timer } from "./clock.ts";

interface PendingTimer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** 2026-01-01T00:00:00Z: a date that is plainly not "now" in test output. */
const defaultStartMs = 1_767_225_600_000;

/**
 * A clock that stands still until it is told to move, for tests. Timers run inside `advance`,
 * in the order they are due; those due at the same time run in the order they were scheduled.
 */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #timers = new Set<PendingTimer>();

  /** `startMs` is the first wall time, in milliseconds since the Unix epoch. */
  constructor(startMs: number = defaultStartMs) {
    this.#wallMs = startMs;
  }

  /** How many timers wait; a test can assert that nothing was left behind. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  wallMs(): WallMs {
    return wallMs(this.#wallMs);
  }

  monotonicMs(): MonotonicMs {
    return monotonicMs(this.#monotonicMs);
  }

  schedule(delayMs: number, run: () => void): Timer {
    const dueMs = this.#monotonicMs + Math.max(delayMs, 0);
    const timer: PendingTimer = { dueMs, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Moves both clocks forward by `durationMs`, running what becomes due on the way. */
  advance(durationMs: number): void {
    if (!(durationMs >= 0)) throw new RangeError("time moves forward only");
    const endMs = this.#monotonicMs + durationMs;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers.delete(next);
      this.#moveTo(next.dueMs);
      next.run();
    }
    this.#moveTo(endMs);
  }

  /** Jumps the wall clock, also backwards, as an operator or NTP does; no timer notices. */
  setWall(unixMs: number): void {
    this.#wallMs = unixMs;
  }

  #moveTo(timeMs: number): void {
    this.#wallMs += timeMs - this.#monotonicMs;
    this.#monotonicMs = timeMs;
  }

  #next(endMs: number): PendingTimer | undefined {
    let first: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (first === undefined || timer.dueMs < first.dueMs) first = timer;
    }
    return first;
  }
}
