import { AttemptKind } from "@penstock/api";
import { toGatewayError } from "@penstock/errors";
import type { GatewayError } from "@penstock/errors";
import type { AnswerEnd, StreamEvent } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { CompiledTarget } from "@penstock/snapshot";
import { signatureOf } from "../choosing/note-served.ts";
import { hedgeOf } from "../hedging/hedge.ts";
import type { Hedge, HedgeOwner } from "../hedging/hedge.ts";
import type { Reservation } from "../leases/reservation.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptOwner } from "./attempt-owner.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { errorOfEnded } from "./attempt-error.ts";
import { attemptMessage } from "./attempt-message.ts";
import type { AttemptMessage } from "./attempt-message.ts";
import { AttemptSequence } from "./attempt-sequence.ts";
import type { EndedAttempt } from "./attempt-sequence.ts";
import { closeAttempt } from "./close-attempt.ts";
import type { ClosedAttempt } from "./close-attempt.ts";
import { answerFacts } from "./answer-facts.ts";
import type { RelayedText, WholeAnswer } from "./downstream.ts";
import { inCallersWords } from "./in-callers-words.ts";
import type { MistakeListener } from "./guarded-sink.ts";
import { openAttempt, sendAttempt } from "./open-attempt.ts";
import type { AttemptOpening } from "./open-attempt.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { planForContext } from "./plan-for-context.ts";
import { explained, noTargetError, passOver } from "./no-target-error.ts";
import type { AttemptPlan } from "./plan-attempts.ts";
import type { RequestContext } from "./request-context.ts";
import type { AttemptsListener, RequestEnd } from "./request-end.ts";
import { withoutEcho } from "./without-echo.ts";
import { TargetTurns } from "./target-turns.ts";
import type { TurnOwner } from "./target-turns.ts";
import { warnOfFinish } from "./warn-of-finish.ts";
import { withOneMore } from "./with-one-more.ts";

/** How often a running stream writes down how far it is, for the case that the process dies. */
const progressIntervalMs = 500;

/** What an attempt begins with that is not the same for all of a request. */
type Beginning = Pick<AttemptOpening, "target" | "kind" | "message" | "reservation">;

/**
 * The executor: takes the planned targets one by one until one answers. It makes no choice of its
 * own but for what `decideNextAttempt` says. Where a hedge asks a second target beside a slow one,
 * the first content decides between the two. Tells `listener` exactly once.
 */
export class RequestRun implements AttemptOwner, MistakeListener, TurnOwner, HedgeOwner {
  readonly #context: RequestContext;
  readonly #parts: PipelineParts;
  readonly #listener: AttemptsListener;
  readonly #plan: AttemptPlan;
  readonly #sequence: AttemptSequence;
  /** The attempt under way. */
  #current: AttemptRun | undefined;
  /** The one beside it, until either has content or has failed. */
  #rival: AttemptRun | undefined;
  #hedge: Hedge | undefined;
  readonly #turns: TargetTurns;
  #ended = false;
  /** The first read with content is written down, then one in each interval. */
  #lastProgressMs = -Infinity;

  constructor(context: RequestContext, parts: PipelineParts, listener: AttemptsListener) {
    this.#context = context;
    this.#parts = parts;
    this.#listener = listener;
    this.#plan = planForContext(context, parts);
    this.#sequence = new AttemptSequence(context, parts, this.#plan);
    this.#turns = new TargetTurns(context, parts, this.#sequence, this);
  }

  start(): void {
    try {
      if (this.#context.route?.hedging !== undefined) this.#hedge = this.#hedgeOf();
      this.#turns.next();
    } catch (error) {
      this.onMistake(error);
    }
  }

  #hedgeOf(): Hedge | undefined {
    const [context, parts] = [this.#context, this.#parts];
    return hedgeOf({ context, parts, plan: this.#plan, sequence: this.#sequence }, this);
  }

  /** The caller or the router is going: the provider is let go, and what was used is settled. */
  cancel(end: RequestEnd): void {
    if (this.#ended) return;
    this.#letGo();
    this.#end(end);
  }

  /** A mistake in one step keeps none of the others from being done. */
  #letGo(): void {
    const steps = [
      () => this.#turns.cancel(),
      () => this.#callOff(this.#rival),
      () => this.#callOff(this.#current),
    ];
    for (const step of steps) {
      try {
        step();
      } catch (mistake) {
        this.#parts.events.bug(this.#context.requestId, mistake);
      }
    }
  }

  /** Nobody is left to be asked. Called by the turns. */
  outOfTargets(): void {
    this.#end({ kind: "failed", error: this.#turns.lastError ?? this.#noTarget() });
  }

  #noTarget(): GatewayError {
    const { clock, events } = this.#parts;
    const error = noTargetError(this.#context, this.#plan, clock);
    events.noTarget(this.#context.requestId, error, clock.monotonicMs());
    return error;
  }

  /** It is the turn of a target, whose quotas are held. Called by the turns. */
  begin(target: CompiledTarget, reservation: Reservation | undefined): void {
    const message = this.#messageFor(target);
    if (message === undefined) {
      if (reservation !== undefined) this.#parts.leases.void(reservation);
      this.#turns.skip();
      return;
    }
    const { kind } = this.#sequence;
    const run = this.#open({ target, kind, message, reservation });
    this.#current = run;
    this.#send(run, message);
    this.#hedge?.watch(run);
  }

  /** The attempt under way is slow. Called by the hedge, at most once. */
  beginHedge(target: CompiledTarget, reservation: Reservation | undefined): boolean {
    this.#sequence.setAside(target);
    const message = this.#messageFor(target);
    if (message === undefined) return false;
    const run = this.#open({ target, kind: AttemptKind.HEDGE, message, reservation });
    this.#rival = run;
    this.#send(run, message);
    return true;
  }

  #open({ target, kind, message, reservation }: Beginning): AttemptRun {
    const startMs = this.#now;
    try {
      return openAttempt(this, this.#context, this.#parts, {
        target,
        kind,
        number: this.#sequence.begun + 1,
        message,
        startMs,
        timeouts: this.#sequence.timeoutsOf(target, startMs),
        model: this.#sequence.modelOf(target),
        reservation,
      });
    } catch (error) {
      // There is no attempt whose end would give it back.
      if (reservation !== undefined) this.#parts.leases.void(reservation);
      throw error;
    }
  }

  #send(run: AttemptRun, message: AttemptMessage): void {
    const context = this.#context;
    const { health, upstream } = this.#parts;
    if (this.#plan.models !== undefined) {
      const model = this.#sequence.modelOf(run.target);
      context.attemptModels = withOneMore(context.attemptModels, model);
    }
    run.isOpenTry = health.began(run.target.deployment, run.startMs);
    this.#sequence.began(run);
    sendAttempt(run, message, context, { upstream, listener: this });
  }

  /** The request in the target's format; undefined when that can't express it. */
  #messageFor(target: CompiledTarget): AttemptMessage | undefined {
    try {
      return attemptMessage(this.#context, target, this.#parts);
    } catch (error) {
      const known = inCallersWords(toGatewayError(error), this.#context, target, this.#parts);
      this.#turns.lastError ??= known;
      passOver(this.#context, target, { rule: "format", reason: known.message });
      return undefined;
    }
  }

  /** For what timers and other callbacks begin: there is nobody above them who could catch. */
  guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.onMistake(error);
    }
  }

  /** A mistake in Penstock ends the request, not the process. */
  onMistake(error: unknown): void {
    this.#parts.events.bug(this.#context.requestId, error);
    if (this.#ended) return;
    this.#letGo();
    this.#end({ kind: "failed", error: toGatewayError(error) });
  }

  attemptEvent(run: AttemptRun, event: StreamEvent): void {
    const { downstream } = this.#context;
    if (!run.committed) {
      this.#commit(run, this.#now);
      downstream.start(answerFacts(run, this.#sequence.modelOf(run.target)));
    }
    if (event.case === "blockEnded" && event.value.signature !== undefined) {
      this.#context.signature = event.value.signature;
    }
    if (run.streamRelay === undefined) downstream.event(event);
  }

  /** Its content is what the caller gets: one that runs beside it is called off. */
  #commit(run: AttemptRun, now: MonotonicMs): void {
    run.committed = true;
    this.#context.firstTokenMs = now - this.#context.startMonotonicMs;
    this.#hedge?.rest();
    this.#context.warnings = run.warnings;
    this.#context.callForms = run.callForms;
    // Nobody is asked any more: up to 32 MiB must not wait for the end of a stream.
    this.#context.original = undefined;
    const slower = run === this.#rival ? this.#current : this.#rival;
    if (slower === undefined) return;
    this.#callOff(slower, true);
    this.#current = run;
    this.#rival = undefined;
  }

  attemptText(text: string): void {
    this.#context.downstream.text?.(text);
  }

  attemptFlush(run: AttemptRun, nowMs: MonotonicMs): void {
    const { downstream } = this.#context;
    if (!run.committed) return;
    downstream.flush(nowMs);
    if (!downstream.ready) {
      // What was on its way when it paused must not add a listener each time.
      if (run.pause()) downstream.onDrain(() => this.guarded(() => run.resume()));
    }
    if (nowMs - this.#lastProgressMs >= progressIntervalMs) this.#writeProgress(run, nowMs);
  }

  attemptUnderWay(run: AttemptRun): void {
    this.guarded(() => {
      const other = run === this.#rival ? this.#current : this.#rival;
      const both = other?.wasSent === true ? [run, other] : [run];
      this.#parts.settlement.progress(this.#context, both);
    });
  }

  attemptFinished(run: AttemptRun, end: AnswerEnd): void {
    if (!run.committed) {
      // An answer without any content is an answer all the same.
      this.#commit(run, this.#now);
      this.#context.downstream.start(answerFacts(run, this.#sequence.modelOf(run.target)));
    }
    if (run.streamRelay === undefined) warnOfFinish(this.#context, end);
    this.#addWarnings(end);
    this.#context.finishReasons = end.candidates.map((candidate) => candidate.rawReason);
    this.#close({ run, outcome: "OK", now: this.#now, end });
    this.#end({ kind: "finished", end });
  }

  attemptAnswered(run: AttemptRun, answer: WholeAnswer): void {
    if ("candidates" in answer) this.#context.signature = signatureOf(answer);
    warnOfFinish(this.#context, answer.end);
    this.#closeWhole(run, answer.end);
    this.#end({
      kind: "answered",
      answer,
      facts: answerFacts(run, this.#sequence.modelOf(run.target)),
    });
  }

  attemptRelayed(run: AttemptRun, answer: RelayedText, end: AnswerEnd): void {
    this.#context.signature = answer.signature;
    this.#closeWhole(run, end);
    this.#end({
      kind: "relayed",
      answer,
      facts: answerFacts(run, this.#sequence.modelOf(run.target)),
    });
  }

  #closeWhole(run: AttemptRun, end: AnswerEnd): void {
    const now = run.answeredMs;
    this.#commit(run, now);
    this.#addWarnings(end);
    this.#context.finishReasons = end.candidates.map((candidate) => candidate.rawReason);
    this.#close({ run, outcome: "OK", now, end });
  }

  attemptFailed(run: AttemptRun, failure: AttemptFailure): void {
    this.guarded(() => this.#afterFailure(run, withoutEcho(failure, this.#context)));
  }

  #afterFailure(run: AttemptRun, failure: AttemptFailure): void {
    this.#close({ run, outcome: failure.class, now: this.#now, failure });
    // What nobody began to answer may have cost nothing: calls have a budget of their own.
    const costNanoUsd = run.wasHeard ? (this.#context.attempts.at(-1)?.costNanoUsd ?? 0n) : 0n;
    const ended = { failure, committed: run.committed, costNanoUsd };
    const other = this.#rival ?? this.#current;
    if (other !== undefined) {
      this.#goOnWith(other, run, ended);
      return;
    }
    this.#hedge?.rest();
    const next = this.#sequence.afterFailure(run.target, ended);
    this.#turns.lastError = errorOfEnded(this.#context, run, failure, this.#now);
    if (next.kind === "stop") this.#end({ kind: "failed", error: this.#turns.lastError });
    else if (next.kind === "fallback") this.#turns.skip();
    else {
      this.#parts.clock.schedule(next.delayMs, () => {
        if (!this.#ended) this.guarded(() => this.#turns.next());
      });
    }
  }

  /** One of two attempts failed: the other goes on, unless it must not show what a filter refused. */
  #goOnWith(other: AttemptRun, failed: AttemptRun, ended: EndedAttempt): void {
    this.#current = other;
    this.#rival = undefined;
    this.#sequence.goOnWith(other.target, failed.target, ended);
    this.#turns.lastError = errorOfEnded(this.#context, failed, ended.failure, this.#now);
    const isRefusal = ended.failure.class === "CONTENT_FILTERED";
    if (!isRefusal || this.#context.route?.contentFilterFallback === true) return;
    this.#callOff(other, true);
    this.#end({ kind: "failed", error: this.#turns.lastError });
  }

  #close(closed: ClosedAttempt): void {
    if (closed.run === this.#rival) this.#rival = undefined;
    else this.#current = undefined;
    closeAttempt(this.#context, this.#parts, closed);
  }

  /** The provider sees its connection close; nothing is heard of the attempt any more. */
  #callOff(run: AttemptRun | undefined, calledOff = false): void {
    if (run === undefined) return;
    run.cancel();
    this.#close({ run, outcome: "CANCELLED", now: this.#now, calledOff });
  }

  #writeProgress(run: AttemptRun, nowMs: MonotonicMs): void {
    this.#lastProgressMs = nowMs;
    this.#parts.settlement.progress(this.#context, [run]);
  }

  #end(end: RequestEnd): void {
    this.#ended = true;
    this.#hedge?.rest();
    if (end.kind !== "failed") {
      this.#listener.onAttemptsEnded(end);
      return;
    }
    const error = explained(end.error, this.#context, this.#plan, this.#parts.clock);
    this.#listener.onAttemptsEnded({ kind: "failed", error });
  }

  /** What was left out of the request stands before what the provider's answer gave rise to. */
  #addWarnings(end: AnswerEnd): void {
    const context = this.#context;
    if (context.warnings.length > 0) end.warnings = [...context.warnings, ...end.warnings];
    context.warnings = end.warnings;
  }

  get #now(): MonotonicMs {
    return this.#parts.clock.monotonicMs();
  }
}
