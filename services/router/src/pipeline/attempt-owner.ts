import type { AttemptKind } from "@penstock/api";
import type { AnswerEnd, CallForms, StreamEvent, StreamRelay } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { Clock } from "@penstock/runtime";
import type { AttemptTimeouts, CompiledTarget } from "@penstock/snapshot";
import type { TargetHealthBook } from "../health/target-health.ts";
import type { Reservation } from "../leases/reservation.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AnswerReading } from "./attempt-message.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { RelayedText, WholeAnswer } from "./downstream.ts";

/** Who runs attempts and hears of them. At most one of the last four is called, once. */
export interface AttemptOwner {
  /** One block event; the first one is the commit point. */
  attemptEvent(run: AttemptRun, event: StreamEvent): void;
  /** Text of a stream that goes to the caller as it came, behind the events that it tells of. */
  attemptText(text: string): void;
  /** End of one read, at this moment. */
  attemptFlush(run: AttemptRun, nowMs: MonotonicMs): void;
  /** It was sent, and after a second there is no content yet. */
  attemptUnderWay(run: AttemptRun): void;
  /** The stream is complete. */
  attemptFinished(run: AttemptRun, end: AnswerEnd): void;
  /** The whole answer is there. */
  attemptAnswered(run: AttemptRun, answer: WholeAnswer): void;
  /** The whole answer is there and goes to the caller as it came. */
  attemptRelayed(run: AttemptRun, answer: RelayedText, end: AnswerEnd): void;
  attemptFailed(run: AttemptRun, failure: AttemptFailure): void;
}

/** What an attempt is made of. */
export interface AttemptRunOptions {
  readonly target: CompiledTarget;
  readonly kind: AttemptKind;
  readonly format: AnswerReading;
  /** From 1. */
  readonly number: number;
  readonly spanId: string;
  /** What it holds on quotas; undefined: none applies. */
  readonly reservation: Reservation | undefined;
  /** What was left out of the request for it. */
  readonly warnings: readonly string[];
  /** How its calls of functions are told to the caller; undefined: as they come. */
  readonly callForms?: CallForms | undefined;
  readonly stream: boolean;
  /** Whether a whole answer may go to the caller as it came. */
  readonly relays: boolean;
  /** How a stream goes to the caller as it came; undefined: it is written anew. */
  readonly streamRelay?: StreamRelay | undefined;
  /** Who hears of the head of the answer. */
  readonly heads?: Pick<TargetHealthBook, "heardHead">;
  readonly clock: Clock;
  readonly startMs: MonotonicMs;
  readonly timeouts: AttemptTimeouts;
  /** Monotonic end of the request. */
  readonly requestEndMs: number;
}
