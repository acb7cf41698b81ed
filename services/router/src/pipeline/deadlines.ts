import type { MonotonicMs } from "@penstock/limits";
import type { Clock, Timer } from "@penstock/runtime";

/** What waits until a time that may be moved. */
export interface Deadline {
  /** Monotonic. */
  dueMs: number;
  /** Where the list has it; -1: in none. */
  place: number;
  /** The time is up; it is in no list any more. */
  expire(): void;
}

/** The timer is never set further ahead, so that a process that has ended its work can end soon. */
const longestStepMs = 1_000;

/**
 * Deadlines of all attempts with one timer, set for the first of them: nearly all are taken back
 * before they are due, and then cost a place in a list instead of a timer each. The timer stays set
 * when what it was set for is gone; it finds nothing due then.
 */
export class Deadlines {
  readonly #clock: Clock;
  /** In no order, each at its `place`. */
  readonly #waiting: Deadline[] = [];
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  readonly #onTimer = (): void => this.#fire();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for the deadline, which is in no list. */
  add(deadline: Deadline, now: MonotonicMs): void {
    deadline.place = this.#waiting.push(deadline) - 1;
    this.movedUp(deadline, now);
  }

  /** The deadline may be due earlier than before. One that is due later need not be told of. */
  movedUp({ dueMs }: Deadline, now: MonotonicMs): void {
    const timerDueMs = Math.min(dueMs, now + longestStepMs);
    if (timerDueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = timerDueMs;
    this.#timer = this.#clock.schedule(Math.max(0, timerDueMs - now), this.#onTimer);
  }

  /** Takes the deadline back; does nothing for one that is in no list. */
  remove(deadline: Deadline): void {
    const { place } = deadline;
    if (place < 0) return;
    deadline.place = -1;
    const last = this.#waiting.pop();
    if (last === undefined || last === deadline) return;
    this.#waiting[place] = last;
    last.place = place;
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerDueMs = Infinity;
    const now = this.#clock.monotonicMs();
    const due: Deadline[] = [];
    let next: Deadline | undefined;
    for (const deadline of this.#waiting) {
      if (isDue(deadline, now)) due.push(deadline);
      else if (next === undefined || deadline.dueMs < next.dueMs) next = deadline;
    }
    if (next !== undefined) this.movedUp(next, now);
    this.#expire(due, now);
  }

  /** What one of them throws must not keep the others from ending. */
  #expire(due: readonly Deadline[], now: MonotonicMs): void {
    const mistakes: unknown[] = [];
    for (const deadline of due) {
      // The end of one may be the end of another, or give it more time.
      if (deadline.place < 0 || !isDue(deadline, now)) continue;
      this.remove(deadline);
      try {
        deadline.expire();
      } catch (error) {
        mistakes.push(error);
      }
    }
    if (mistakes.length > 0) throw mistakes[0];
  }
}

/** Timers of the event loop may fire up to a millisecond early. */
function isDue({ dueMs }: Deadline, now: MonotonicMs): boolean {
  return dueMs <= now + 1;
}

const ofClocks = new WeakMap<Clock, Deadlines>();

/** The deadlines of a clock: all have one timer. */
export function deadlinesOf(clock: Clock): Deadlines {
  const known = ofClocks.get(clock);
  if (known !== undefined) return known;
  const made = new Deadlines(clock);
  ofClocks.set(clock, made);
  return made;
}
