import { AttemptKind } from "@penstock/api";
import { toGatewayError } from "@penstock/errors";
import type { GatewayError } from "@penstock/errors";
import type { AnswerEnd, StreamEvent } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { CompiledTarget } from "@penstock/snapshot";
import { signatureOf } from "../choosing/note-served.ts";
import { hedgeOf } from "../hedging/hedge.ts";
import type { Hedge, HedgeOwner } from "../hedging/hedge.ts";
import type { QuotaRefused, Reserved } from "../leases/reserve-outcome.ts";
import type { Reservation } from "../leases/reservation.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptOwner, AttemptRun } from "./attempt-run.ts";
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
import { quotaError } from "./quota-error.ts";
import type { RequestContext } from "./request-context.ts";
import type { AttemptsListener, RequestEnd } from "./request-end.ts";
import { QuotaReservation } from "./reserve-quota.ts";
import type { ReservationListener } from "./reserve-quota.ts";
import { targetQuotaUses } from "./target-quotas.ts";
import { nextInTurn, turnObstacle } from "./turn-obstacle.ts";
import { warnOfFinish } from "./warn-of-finish.ts";

/** How often a running stream writes down how far it is, for the case that the process dies. */
const progressIntervalMs = 500;

/**
 * The executor: takes the planned targets one by one until one answers. It makes no choice of its
 * own but for what `decideNextAttempt` says. Where a hedge asks a second target beside a slow one,
 * the first content decides between the two. Tells `listener` exactly once.
 */
export class RequestRun implements AttemptOwner, MistakeListener, ReservationListener, HedgeOwner {
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
  #lastError: GatewayError | undefined;
  #reserving: QuotaReservation | undefined;
  #ended = false;
  /** The first read with content is written down, then one in each interval. */
  #lastProgressMs = -Infinity;

  constructor(context: RequestContext, parts: PipelineParts, listener: AttemptsListener) {
    this.#context = context;
    this.#parts = parts;
    this.#listener = listener;
    this.#plan = planForContext(context, parts);
    this.#sequence = new AttemptSequence(context, parts, this.#plan);
  }

  start(): void {
    try {
      if (this.#context.route?.hedging !== undefined) this.#hedge = this.#hedgeOf();
      this.#next();
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
    this.#reserving?.cancel();
    this.#callOff(this.#rival);
    this.#callOff(this.#current);
    this.#end(end);
  }

  #next(): void {
    const target = nextInTurn(this.#sequence, this.#parts);
    if (target === undefined) {
      const { clock } = this.#parts;
      const error = this.#lastError ?? noTargetError(this.#context, this.#plan, clock);
      this.#end({ kind: "failed", error });
      return;
    }
    const obstacle = turnObstacle(target, this.#sequence, this.#parts);
    if (obstacle !== undefined) {
      passOver(this.#context, target, obstacle);
      this.#skip();
      return;
    }
    const uses = targetQuotaUses(this.#context, target, this.#sequence.modelOf(target));
    if (uses.length === 0) {
      this.#begin(target, undefined);
      return;
    }
    this.#reserving = new QuotaReservation(this.#parts, this);
    this.#reserving.start(uses, this.#context.trace);
  }

  /** The quotas of the target are held, or not. Called by the reservation. */
  onReserved(outcome: Reserved | QuotaRefused): void {
    this.guarded(() => this.#reserved(outcome));
  }

  #reserved(outcome: Reserved | QuotaRefused): void {
    this.#reserving = undefined;
    const { target } = this.#sequence;
    if (target === undefined) return;
    if (outcome.kind === "reserved") {
      this.#begin(target, outcome.reservation);
      return;
    }
    // A quota of a target means the next target; the caller is refused when none is left.
    const { clock, events } = this.#parts;
    events.quotaRefused(this.#context.requestId, outcome, clock.monotonicMs());
    const error = quotaError(outcome, clock.wallMs());
    this.#lastError ??= error;
    passOver(this.#context, target, { rule: outcome.use.quota.name, reason: error.message });
    this.#skip();
  }

  #skip(): void {
    this.#sequence.skip();
    this.#next();
  }

  #begin(target: CompiledTarget, reservation: Reservation | undefined): void {
    const message = this.#messageFor(target);
    if (message === undefined) {
      if (reservation !== undefined) this.#parts.leases.void(reservation);
      this.#skip();
      return;
    }
    const run = this.#open(target, this.#sequence.kind, { message, reservation });
    this.#current = run;
    this.#send(run, message);
    this.#hedge?.watch(run);
  }

  /** The attempt under way is slow. Called by the hedge, at most once. */
  beginHedge(target: CompiledTarget, reservation: Reservation | undefined): boolean {
    this.#sequence.setAside(target);
    const message = this.#messageFor(target);
    if (message === undefined) return false;
    const run = this.#open(target, AttemptKind.HEDGE, { message, reservation });
    this.#rival = run;
    this.#send(run, message);
    return true;
  }

  #open(
    target: CompiledTarget,
    kind: AttemptKind,
    what: Pick<AttemptOpening, "message" | "reservation">,
  ): AttemptRun {
    return openAttempt(this, this.#context, this.#parts, {
      target,
      kind,
      number: this.#sequence.begun + 1,
      message: what.message,
      timeouts: this.#sequence.timeoutsOf(target),
      model: this.#sequence.modelOf(target),
      reservation: what.reservation,
    });
  }

  #send(run: AttemptRun, message: AttemptMessage): void {
    const context = this.#context;
    const { health, upstream } = this.#parts;
    if (this.#plan.models !== undefined) {
      context.attemptModels.push(this.#sequence.modelOf(run.target));
    }
    run.isOpenTry = health.began(run.target.deployment, this.#now);
    this.#sequence.began(run);
    sendAttempt(run, message, context, { upstream, listener: this });
  }

  /** The request in the target's format; undefined when that can't express it. */
  #messageFor(target: CompiledTarget): AttemptMessage | undefined {
    try {
      return attemptMessage(this.#context, target, this.#parts);
    } catch (error) {
      const known = inCallersWords(toGatewayError(error), this.#context, target, this.#parts);
      this.#lastError ??= known;
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
    for (const run of [this.#rival, this.#current]) {
      try {
        this.#callOff(run);
      } catch (another) {
        this.#parts.events.bug(this.#context.requestId, another);
      }
    }
    this.#end({ kind: "failed", error: toGatewayError(error) });
  }

  attemptEvent(run: AttemptRun, event: StreamEvent): void {
    const { downstream } = this.#context;
    if (!run.committed) {
      this.#commit(run);
      downstream.start(answerFacts(run, this.#sequence.modelOf(run.target)));
    }
    if (event.case === "blockEnded" && event.value.signature !== undefined) {
      this.#context.signature = event.value.signature;
    }
    if (run.streamRelay === undefined) downstream.event(event);
  }

  /** Its content is what the caller gets: one that runs beside it is called off. */
  #commit(run: AttemptRun): void {
    run.committed = true;
    this.#context.firstTokenMs = this.#now - this.#context.startMonotonicMs;
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

  attemptFinished(run: AttemptRun, end: AnswerEnd): void {
    if (!run.committed) {
      // An answer without any content is an answer all the same.
      this.#commit(run);
      this.#context.downstream.start(answerFacts(run, this.#sequence.modelOf(run.target)));
    }
    if (run.streamRelay === undefined) warnOfFinish(this.#context, end);
    this.#addWarnings(end);
    this.#context.finishReasons = end.candidates.map((candidate) => candidate.rawReason);
    this.#close(run, "OK", { reported: end.usage });
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
    this.#commit(run);
    this.#addWarnings(end);
    this.#context.finishReasons = end.candidates.map((candidate) => candidate.rawReason);
    this.#close(run, "OK", { reported: end.usage });
  }

  attemptFailed(run: AttemptRun, failure: AttemptFailure): void {
    this.guarded(() => this.#afterFailure(run, failure));
  }

  #afterFailure(run: AttemptRun, failure: AttemptFailure): void {
    this.#close(run, failure.class, { failure });
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
    this.#lastError = errorOfEnded(this.#context, run, failure, this.#now);
    if (next.kind === "stop") this.#end({ kind: "failed", error: this.#lastError });
    else if (next.kind === "fallback") this.#skip();
    else {
      this.#parts.clock.schedule(next.delayMs, () => {
        if (!this.#ended) this.guarded(() => this.#next());
      });
    }
  }

  /** One of two attempts failed: the other goes on, unless it must not show what a filter refused. */
  #goOnWith(other: AttemptRun, failed: AttemptRun, ended: EndedAttempt): void {
    this.#current = other;
    this.#rival = undefined;
    this.#sequence.goOnWith(other.target, failed.target, ended);
    this.#lastError = errorOfEnded(this.#context, failed, ended.failure, this.#now);
    const isRefusal = ended.failure.class === "CONTENT_FILTERED";
    if (!isRefusal || this.#context.route?.contentFilterFallback === true) return;
    this.#callOff(other, true);
    this.#end({ kind: "failed", error: this.#lastError });
  }

  #close(
    run: AttemptRun,
    outcome: ClosedAttempt["outcome"],
    more: Pick<ClosedAttempt, "failure" | "reported" | "calledOff"> = {},
  ): void {
    if (run === this.#rival) this.#rival = undefined;
    else this.#current = undefined;
    closeAttempt(this.#context, this.#parts, { run, outcome, ...more });
  }

  /** The provider sees its connection close; nothing is heard of the attempt any more. */
  #callOff(run: AttemptRun | undefined, calledOff = false): void {
    if (run === undefined) return;
    run.cancel();
    this.#close(run, "CANCELLED", { calledOff });
  }

  #writeProgress(run: AttemptRun, nowMs: MonotonicMs): void {
    this.#lastProgressMs = nowMs;
    this.#parts.settlement.progress(this.#context, run);
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
    context.warnings = [...context.warnings, ...end.warnings];
    end.warnings = context.warnings;
  }

  get #now(): MonotonicMs {
    return this.#parts.clock.monotonicMs();
  }
}
