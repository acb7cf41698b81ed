import type { FailureClass } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { Clock } from "@penstock/runtime";
import type { AttemptTimeouts } from "@penstock/snapshot";
import { deadlinesOf } from "./deadlines.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";

/** A caller that reads nothing for so long is given up (reliability §2.1). */
export const writeStallMs = 60_000;
/** The body of an error answer is short: what has not come after so long is not waited for. */
const errorBodyMs = 2_000;

/** How long a provider may keep its connection open behind the end of its answer. */
const lingerMs = 1_000;

/**
 * From this time on an attempt without an answer is worth a record of its own: nearly all are
 * answered before, or have begun to be, and cost no write. The moments lie on a grid, so that those
 * of many attempts are one.
 */
const noticeMs = 1_000;
const noticeGridMs = 250;

type Phase = "first_token" | "progress" | "paused" | "lingering" | "over";

/** The class of failure when the time of a phase is up. */
const failures: Record<Phase, FailureClass> = {
  first_token: "TIMEOUT_FIRST_TOKEN",
  progress: "TIMEOUT_PROGRESS",
  // The caller stopped reading: the provider is not to blame.
  paused: "CANCELLED",
  lingering: "CANCELLED",
  over: "TIMEOUT_TOTAL",
};

/** Hears once that time is up. */
export interface TimeoutListener {
  onTimeout(failure: FailureClass): void;
  /** It runs for a second. False: it shall be said again after another one. */
  onUnderWay(): boolean;
  /** The answer is complete, and its connection was not given back. */
  onLingered(): void;
}

/** What the timers of an attempt begin with. */
export interface TimersStart {
  readonly stream: boolean;
  readonly startMs: MonotonicMs;
  readonly listener: TimeoutListener;
}

/**
 * The timers of one attempt: first token, then progress, within the attempt's and the request's
 * own ends. It is one deadline, which content moves: a stream costs no timer call per read.
 */
export class AttemptTimers implements Deadline {
  dueMs: number;
  place = -1;
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #timeouts: AttemptTimeouts;
  readonly #listener: TimeoutListener;
  /** The earlier of the attempt's and the request's end. Monotonic. */
  readonly #endMs: number;
  #phase: Phase = "first_token";
  #phaseDueMs: number;
  /** When it is said that the attempt runs; Infinity: it was. */
  #noticeDueMs: number;

  constructor(
    clock: Clock,
    timeouts: AttemptTimeouts,
    requestEndMs: number,
    { stream, startMs, listener }: TimersStart,
  ) {
    this.#clock = clock;
    this.#deadlines = deadlinesOf(clock);
    this.#timeouts = timeouts;
    this.#listener = listener;
    this.#phaseDueMs = startMs + (stream ? timeouts.firstTokenMs : timeouts.answerMs);
    this.#endMs = Math.min(startMs + timeouts.attemptMs, requestEndMs);
    this.#noticeDueMs = noticeAfter(startMs);
    this.dueMs = Math.min(this.#phaseDueMs, this.#endMs, this.#noticeDueMs);
    this.#deadlines.add(this, startMs);
  }

  /** True when the timers were stopped or have fired. */
  get over(): boolean {
    return this.#phase === "over" || this.#phase === "lingering";
  }

  /** Content came at this moment: the progress timer begins anew. Keep-alives are not content. */
  progressed(nowMs: MonotonicMs): void {
    if (this.#phase === "paused" || this.over) return;
    this.#phase = "progress";
    this.#moveTo(nowMs + this.#timeouts.progressMs, nowMs);
  }

  /** An error answer has begun: only its body is still to come. */
  refused(nowMs: MonotonicMs): void {
    if (this.#phase !== "first_token") return;
    this.#moveTo(Math.min(this.#phaseDueMs, nowMs + errorBodyMs), nowMs);
  }

  /** The caller can't take more: the provider is not timed, the caller is. */
  pause(): boolean {
    if (this.#phase === "paused" || this.over) return false;
    this.#phase = "paused";
    const now = this.#clock.monotonicMs();
    this.#moveTo(now + writeStallMs, now);
    return true;
  }

  /** The caller can take more again. */
  resume(): boolean {
    if (this.#phase !== "paused") return false;
    this.#phase = "progress";
    const now = this.#clock.monotonicMs();
    this.#moveTo(now + this.#timeouts.progressMs, now);
    return true;
  }

  stop(): void {
    this.#phase = "over";
    this.#deadlines.remove(this);
  }

  /** The answer is complete: from now on the provider has to give its connection back. */
  linger(): void {
    this.#phase = "lingering";
    const now = this.#clock.monotonicMs();
    this.dueMs = now + lingerMs;
    if (this.place < 0) this.#deadlines.add(this, now);
    else this.#deadlines.movedUp(this, now);
  }

  /** Called by the deadlines. */
  expire(): void {
    const phase = this.#phase;
    if (phase !== "lingering" && this.dueMs < Math.min(this.#phaseDueMs, this.#endMs)) {
      this.#notice();
      return;
    }
    this.#phase = "over";
    if (phase === "lingering") this.#listener.onLingered();
    else {
      const ofPhase = this.dueMs === this.#phaseDueMs;
      this.#listener.onTimeout(ofPhase ? failures[phase] : "TIMEOUT_TOTAL");
    }
  }

  #notice(): void {
    const now = this.#clock.monotonicMs();
    this.#noticeDueMs = noticeAfter(now);
    this.dueMs = Math.min(this.#phaseDueMs, this.#endMs, this.#noticeDueMs);
    this.#deadlines.add(this, now);
    if (!this.#listener.onUnderWay()) return;
    this.#noticeDueMs = Infinity;
    this.dueMs = Math.min(this.#phaseDueMs, this.#endMs);
  }

  #moveTo(phaseDueMs: number, now: MonotonicMs): void {
    const before = this.dueMs;
    this.#phaseDueMs = phaseDueMs;
    this.dueMs = Math.min(phaseDueMs, this.#endMs, this.#noticeDueMs);
    if (this.dueMs < before) this.#deadlines.movedUp(this, now);
  }
}

function noticeAfter(nowMs: number): number {
  return Math.ceil((nowMs + noticeMs) / noticeGridMs) * noticeGridMs;
}
