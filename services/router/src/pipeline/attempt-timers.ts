import type { FailureClass } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { Clock, Timer } from "@penstock/runtime";
import type { AttemptTimeouts } from "@penstock/snapshot";

/** A caller that reads nothing for so long is given up (reliability §2.1). */
export const writeStallMs = 60_000;
/** The body of an error answer is short: what has not come after so long is not waited for. */
const errorBodyMs = 2_000;

type Phase = "first_token" | "progress" | "paused" | "over";

/** The class of failure when the time of a phase is up. */
const failures: Record<Phase, FailureClass> = {
  first_token: "TIMEOUT_FIRST_TOKEN",
  progress: "TIMEOUT_PROGRESS",
  // The caller stopped reading: the provider is not to blame.
  paused: "CANCELLED",
  over: "TIMEOUT_TOTAL",
};

/** Hears once that time is up. */
export interface TimeoutListener {
  onTimeout(failure: FailureClass): void;
}

/**
 * The timers of one attempt: first token, then progress, within the attempt's and the request's
 * own ends. One timer runs at a time; content only writes down a new due time, and the timer looks
 * at it when it fires, so that a stream costs no timer call per read.
 */
export class AttemptTimers {
  readonly #clock: Clock;
  readonly #timeouts: AttemptTimeouts;
  readonly #listener: TimeoutListener;
  /** The earlier of the attempt's and the request's end. Monotonic. */
  readonly #endMs: number;
  #phase: Phase = "first_token";
  #phaseDueMs: number;
  #timer: Timer | undefined;
  #timerDueMs = 0;
  readonly #onTimer = (): void => this.#fire();

  constructor(
    clock: Clock,
    timeouts: AttemptTimeouts,
    requestEndMs: number,
    options: { readonly stream: boolean; readonly listener: TimeoutListener },
  ) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#listener = options.listener;
    const now = clock.monotonicMs();
    this.#phaseDueMs = now + (options.stream ? timeouts.firstTokenMs : timeouts.answerMs);
    this.#endMs = Math.min(now + timeouts.attemptMs, requestEndMs);
    // No later than progress could be due: content that comes in time then needs no other timer.
    this.#schedule(Math.min(this.#due, now + timeouts.progressMs), now);
  }

  /** True when the timers were stopped or have fired. */
  get over(): boolean {
    return this.#phase === "over";
  }

  /** Content came at this moment: the progress timer begins anew. Keep-alives are not content. */
  progressed(nowMs: MonotonicMs): void {
    if (this.#phase === "paused" || this.#phase === "over") return;
    const first = this.#phase === "first_token";
    this.#phase = "progress";
    this.#phaseDueMs = nowMs + this.#timeouts.progressMs;
    // The progress timer may end before what was left of the first-token timer.
    if (first) this.#schedule(this.#due, nowMs);
  }

  /** An error answer has begun: only its body is still to come. */
  refused(): void {
    if (this.#phase !== "first_token") return;
    this.#phaseDueMs = Math.min(this.#phaseDueMs, this.#clock.monotonicMs() + errorBodyMs);
    this.#schedule();
  }

  /** The caller can't take more: the provider is not timed, the caller is. */
  pause(): boolean {
    if (this.#phase === "over" || this.#phase === "paused") return false;
    this.#phase = "paused";
    this.#phaseDueMs = this.#clock.monotonicMs() + writeStallMs;
    this.#schedule();
    return true;
  }

  /** The caller can take more again. */
  resume(): boolean {
    if (this.#phase !== "paused") return false;
    this.#phase = "progress";
    this.#phaseDueMs = this.#clock.monotonicMs() + this.#timeouts.progressMs;
    this.#schedule();
    return true;
  }

  stop(): void {
    this.#phase = "over";
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  get #due(): number {
    return Math.min(this.#phaseDueMs, this.#endMs);
  }

  #schedule(due = this.#due, now: number = this.#clock.monotonicMs()): void {
    if (this.#timer !== undefined && this.#timerDueMs <= due) return;
    this.#timer?.cancel();
    this.#timerDueMs = due;
    const delayMs = Math.max(0, due - now);
    this.#timer = this.#clock.schedule(delayMs, this.#onTimer);
  }

  #fire(): void {
    this.#timer = undefined;
    if (this.#phase === "over") return;
    const due = this.#due;
    // Timers of the event loop may fire up to a millisecond early.
    if (this.#clock.monotonicMs() + 1 < due) {
      this.#schedule();
      return;
    }
    const failure = due === this.#phaseDueMs ? failures[this.#phase] : "TIMEOUT_TOTAL";
    this.#phase = "over";
    this.#listener.onTimeout(failure);
  }
}
