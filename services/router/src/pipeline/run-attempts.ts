import { AttemptKind } from "@penstock/api";
import type { CountTokensResponse } from "@penstock/api";
import { GatewayError, toGatewayError } from "@penstock/errors";
import type { AnswerEnd, StreamEvent } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { CompiledTarget } from "@penstock/snapshot";
import { signatureOf } from "../choosing/note-served.ts";
import type { QuotaRefused, Reserved } from "../leases/reserve-outcome.ts";
import type { Reservation } from "../leases/reservation.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptOwner, AttemptRun } from "./attempt-run.ts";
import { errorOfAttempt } from "./attempt-error.ts";
import { attemptMessage } from "./attempt-message.ts";
import type { AttemptMessage } from "./attempt-message.ts";
import { AttemptSequence } from "./attempt-sequence.ts";
import { closeAttempt } from "./close-attempt.ts";
import type { ClosedAttempt } from "./close-attempt.ts";
import { answerFacts } from "./answer-facts.ts";
import type { AnswerFacts, RelayedText, WholeAnswer } from "./downstream.ts";
import { inCallersWords } from "./in-callers-words.ts";
import type { MistakeListener } from "./guarded-sink.ts";
import { openAttempt, sendAttempt } from "./open-attempt.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { admitTarget, planForContext } from "./plan-for-context.ts";
import { exclusions, noTargetError, passOver } from "./no-target-error.ts";
import type { AttemptPlan } from "./plan-attempts.ts";
import { quotaError } from "./quota-error.ts";
import type { RequestContext } from "./request-context.ts";
import { QuotaReservation } from "./reserve-quota.ts";
import type { ReservationListener } from "./reserve-quota.ts";
import { targetQuotaUses } from "./target-quotas.ts";
import { warnOfFinish } from "./warn-of-finish.ts";

/** How the attempts of a request ended. */
export type RequestEnd =
  | { readonly kind: "answered"; readonly answer: WholeAnswer; readonly facts: AnswerFacts }
  | { readonly kind: "relayed"; readonly answer: RelayedText; readonly facts: AnswerFacts }
  | { readonly kind: "finished"; readonly end: AnswerEnd }
  | { readonly kind: "counted"; readonly count: CountTokensResponse }
  | { readonly kind: "failed"; readonly error: GatewayError }
  | { readonly kind: "cancelled" };

/** Who hears, once, how the attempts of a request ended. */
export interface AttemptsListener {
  onAttemptsEnded(end: RequestEnd): void;
}

const connectionsFull = { rule: "full", reason: "all of its connections are in use" };
/** How often a running stream writes down how far it is, for the case that the process dies. */
const progressIntervalMs = 500;

/**
 * The executor: takes the planned targets one by one until one answers. It makes no choice of its
 * own but for what `decideNextAttempt` says. Tells `listener` exactly once.
 */
export class RequestRun implements AttemptOwner, MistakeListener, ReservationListener {
  readonly #context: RequestContext;
  readonly #parts: PipelineParts;
  readonly #listener: AttemptsListener;
  readonly #plan: AttemptPlan;
  readonly #sequence: AttemptSequence;
  #current: AttemptRun | undefined;
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
      this.#next();
    } catch (error) {
      this.onMistake(error);
    }
  }

  /** The caller or the router is going: the provider is let go, and what was used is settled. */
  cancel(end: RequestEnd): void {
    if (this.#ended) return;
    this.#reserving?.cancel();
    const run = this.#current;
    if (run !== undefined) {
      run.cancel();
      this.#close(run, "CANCELLED");
    }
    this.#end(end);
  }

  #next(): void {
    const { target } = this.#sequence;
    if (target === undefined) {
      const { clock } = this.#parts;
      const error = this.#lastError ?? noTargetError(this.#context, this.#plan, clock);
      this.#end({ kind: "failed", error });
      return;
    }
    if (this.#parts.upstream.isFull(target)) {
      passOver(this.#context, target, connectionsFull);
      this.#skip();
      return;
    }
    if (this.#fellOutSincePlanned(target)) {
      this.#skip();
      return;
    }
    const uses = targetQuotaUses(this.#context, target, this.#modelOf(target));
    if (uses.length === 0) {
      this.#begin(target, undefined);
      return;
    }
    this.#reserving = new QuotaReservation(this.#parts, this);
    this.#reserving.start(uses, this.#context.trace);
  }

  /** An attempt may have taken minutes: what was healthy when planned may not be any more. */
  #fellOutSincePlanned(target: CompiledTarget): boolean {
    if (this.#sequence.kind !== AttemptKind.FALLBACK) return false;
    const admitted = admitTarget(target, this.#parts);
    if (admitted.ok) return false;
    const last = this.#sequence.remaining.length === 0;
    if (last && admitted.inNeed === true) return false;
    passOver(this.#context, target, admitted);
    return true;
  }

  /** The quotas of the target are held, or not. Called by the reservation. */
  onReserved(outcome: Reserved | QuotaRefused): void {
    this.#guarded(() => this.#reserved(outcome));
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
    const run = openAttempt(this, this.#context, this.#parts, {
      target,
      kind: this.#sequence.kind,
      number: this.#context.attempts.length + 1,
      message,
      timeouts: this.#sequence.timeoutsOf(target),
      model: this.#modelOf(target),
      reservation,
    });
    this.#current = run;
    this.#send(run, message);
  }

  #send(run: AttemptRun, message: AttemptMessage): void {
    const context = this.#context;
    const { health, upstream } = this.#parts;
    if (this.#plan.models !== undefined) context.attemptModels.push(this.#modelOf(run.target));
    health.began(run.target.deployment, this.#now);
    this.#sequence.began(run.target);
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
  #guarded(step: () => void): void {
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
    const run = this.#current;
    run?.cancel();
    try {
      if (run !== undefined) this.#close(run, "CANCELLED");
    } catch (another) {
      this.#parts.events.bug(this.#context.requestId, another);
    }
    this.#end({ kind: "failed", error: toGatewayError(error) });
  }

  attemptEvent(run: AttemptRun, event: StreamEvent): void {
    const { downstream } = this.#context;
    if (!run.committed) {
      run.committed = true;
      this.#context.firstTokenMs = this.#now - this.#context.startMonotonicMs;
      downstream.start(answerFacts(run, this.#modelOf(run.target)));
    }
    if (event.case === "blockEnded" && event.value.signature !== undefined) {
      this.#context.signature = event.value.signature;
    }
    if (run.streamRelay === undefined) downstream.event(event);
  }

  attemptText(text: string): void {
    this.#context.downstream.text?.(text);
  }

  attemptFlush(run: AttemptRun): void {
    const { downstream } = this.#context;
    if (!run.committed) return;
    downstream.flush();
    if (!downstream.ready) {
      // What was on its way when it paused must not add a listener each time.
      if (run.pause()) downstream.onDrain(() => this.#guarded(() => run.resume()));
    }
    if (this.#now - this.#lastProgressMs >= progressIntervalMs) this.#writeProgress(run);
  }

  attemptFinished(run: AttemptRun, end: AnswerEnd): void {
    if (!run.committed) {
      // An answer without any content is an answer all the same.
      run.committed = true;
      this.#context.firstTokenMs = this.#now - this.#context.startMonotonicMs;
      this.#context.downstream.start(answerFacts(run, this.#modelOf(run.target)));
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
    this.#end({ kind: "answered", answer, facts: answerFacts(run, this.#modelOf(run.target)) });
  }

  attemptRelayed(run: AttemptRun, answer: RelayedText, end: AnswerEnd): void {
    this.#context.signature = answer.signature;
    this.#closeWhole(run, end);
    this.#end({ kind: "relayed", answer, facts: answerFacts(run, this.#modelOf(run.target)) });
  }

  #closeWhole(run: AttemptRun, end: AnswerEnd): void {
    run.committed = true;
    this.#addWarnings(end);
    this.#context.firstTokenMs = this.#now - this.#context.startMonotonicMs;
    this.#context.finishReasons = end.candidates.map((candidate) => candidate.rawReason);
    this.#close(run, "OK", { reported: end.usage });
  }

  attemptFailed(run: AttemptRun, failure: AttemptFailure): void {
    this.#guarded(() => this.#afterFailure(run, failure));
  }

  #afterFailure(run: AttemptRun, failure: AttemptFailure): void {
    this.#close(run, failure.class, { failure });
    // What nobody began to answer may have cost nothing: calls have a budget of their own.
    const costNanoUsd = run.wasHeard ? (this.#context.attempts.at(-1)?.costNanoUsd ?? 0n) : 0n;
    const { committed } = run;
    const next = this.#sequence.afterFailure(run.target, { failure, committed, costNanoUsd });
    this.#lastError = this.#errorOf(run, failure);
    if (next.kind === "stop") this.#end({ kind: "failed", error: this.#lastError });
    else if (next.kind === "fallback") this.#skip();
    else {
      this.#parts.clock.schedule(next.delayMs, () => {
        if (!this.#ended) this.#guarded(() => this.#next());
      });
    }
  }

  #errorOf(run: AttemptRun, failure: AttemptFailure): GatewayError {
    const { attempts, deadlineMs } = this.#context;
    if (failure.class === "TIMEOUT_TOTAL" && this.#now + 1 >= deadlineMs && !run.committed) {
      return new GatewayError(
        "DEADLINE_EXCEEDED",
        "The deadline of the request passed before a provider had answered. Allow more time.",
        { source: "gateway", metadata: { attempts: String(attempts.length) } },
      );
    }
    return errorOfAttempt(run, failure, attempts.length);
  }

  #close(
    run: AttemptRun,
    outcome: ClosedAttempt["outcome"],
    more: Pick<ClosedAttempt, "failure" | "reported"> = {},
  ): void {
    this.#current = undefined;
    closeAttempt(this.#context, this.#parts, { run, outcome, ...more });
  }

  #writeProgress(run: AttemptRun): void {
    this.#lastProgressMs = this.#now;
    this.#parts.settlement.progress(this.#context, run);
  }

  #end(end: RequestEnd): void {
    this.#ended = true;
    this.#current = undefined;
    this.#listener.onAttemptsEnded(end.kind === "failed" ? this.#explained(end.error) : end);
  }

  /** A failure says of each candidate why it did not answer. */
  #explained(error: GatewayError): RequestEnd {
    if (error.exclusions.length > 0) return { kind: "failed", error };
    const why = exclusions(this.#context, this.#plan, this.#parts.clock);
    return { kind: "failed", error: error.withExclusions(why) };
  }

  /** What was left out of the request stands before what the provider's answer gave rise to. */
  #addWarnings(end: AnswerEnd): void {
    const context = this.#context;
    context.warnings = [...context.warnings, ...end.warnings];
    end.warnings = context.warnings;
  }

  /** The model of the request's that a target was planned for. */
  #modelOf(target: CompiledTarget): string {
    return this.#plan.models?.get(target) ?? this.#context.request?.model ?? "";
  }

  get #now(): MonotonicMs {
    return this.#parts.clock.monotonicMs();
  }
}
