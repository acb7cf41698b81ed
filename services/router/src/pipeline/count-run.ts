import { AttemptKind, CountEstimateReason } from "@penstock/api";
import { toGatewayError } from "@penstock/errors";
import { failureTreatments } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import type { QuotaRefused, Reserved } from "../leases/reserve-outcome.ts";
import type { Reservation } from "../leases/reservation.ts";
import { withoutEcho } from "./without-echo.ts";
import { wordsOfFailure } from "./attempt-failure.ts";
import type { AttemptFailure } from "./attempt-failure.ts";
import type { AttemptMessage } from "./attempt-message.ts";
import { attemptRecord } from "./attempt-record.ts";
import { AttemptRun } from "./attempt-run.ts";
import type { AttemptOwner } from "./attempt-owner.ts";
import { sampleFailure } from "./close-attempt.ts";
import { estimatedCount, reportedCount } from "./count-answer.ts";
import { countMessage } from "./count-message.ts";
import type { WholeAnswer } from "./downstream.ts";
import type { MistakeListener } from "./guarded-sink.ts";
import { sendAttempt } from "./open-attempt.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { whyNotAsked } from "./plan-count.ts";
import type { CountPlan } from "./plan-count.ts";
import type { RequestContext } from "./request-context.ts";
import { QuotaReservation } from "./reserve-quota.ts";
import type { ReservationListener } from "./reserve-quota.ts";
import type { AttemptsListener, RequestEnd } from "./request-end.ts";
import { actualAmounts } from "./settle-amounts.ts";
import { targetQuotaUses } from "./target-quotas.ts";
import { withOneMore } from "./with-one-more.ts";

/** How long one provider may take for a count: the estimate is there, and callers ask before turns. */
const attemptMs = 3_000;
/** How long all of them together may. */
const totalMs = 5_000;

/**
 * Asks the planned targets for a count, one after another, until one gives it; the end is an estimate
 * where none does. Attempts are those of any request, but for what they mean for the health of their
 * targets: see `CountingPauses`. Tells `listener` exactly once.
 */
export class CountRun implements AttemptOwner, MistakeListener, ReservationListener {
  readonly #context: RequestContext;
  readonly #parts: PipelineParts;
  readonly #listener: AttemptsListener;
  readonly #plan: CountPlan;
  /** Monotonic. */
  readonly #endMs: number;
  /** What became of each target. */
  readonly #story: string[] = [];
  #at = 0;
  #current: AttemptRun | undefined;
  #reserving: QuotaReservation | undefined;
  #ended = false;

  constructor(
    context: RequestContext,
    parts: PipelineParts,
    listener: AttemptsListener,
    plan: CountPlan,
  ) {
    this.#context = context;
    this.#parts = parts;
    this.#listener = listener;
    this.#plan = plan;
    this.#endMs = Math.min(context.deadlineMs, parts.clock.monotonicMs() + totalMs);
  }

  start(): void {
    this.#guarded(() => this.#next());
  }

  /** The caller or the router is going: the provider is let go. */
  cancel(end: RequestEnd): void {
    if (this.#ended) return;
    this.#letGo();
    this.#end(end);
  }

  /** A mistake in here keeps the request from nothing but its record of the attempt. */
  #letGo(): void {
    try {
      this.#reserving?.cancel();
      const run = this.#current;
      if (run === undefined) return;
      run.cancel();
      this.#close(run, "CANCELLED");
    } catch (mistake) {
      this.#parts.events.bug(this.#context.requestId, mistake);
    }
  }

  #next(): void {
    const target = this.#plan.targets[this.#at];
    if (target === undefined || this.#parts.clock.monotonicMs() >= this.#endMs) {
      this.#endEstimated();
      return;
    }
    const problem = whyNotAsked(target, this.#parts);
    if (problem !== undefined) {
      this.#skip(target, problem);
      return;
    }
    const uses = targetQuotaUses(this.#context, target, this.#modelOf(target)).filter(
      ({ quota }) => quota.unit === "requests",
    );
    if (uses.length === 0) {
      this.#begin(target, undefined);
      return;
    }
    this.#reserving = new QuotaReservation(this.#parts, this);
    this.#reserving.start(uses, this.#context.trace);
  }

  /** The limits of the target are held, or not. Called by the reservation. */
  onReserved(outcome: Reserved | QuotaRefused): void {
    this.#reserving = undefined;
    const target = this.#plan.targets[this.#at];
    if (target === undefined) return;
    this.#guarded(() => {
      if (outcome.kind === "refused") {
        this.#skip(target, `${outcome.use.quota.name} has no room`);
        return;
      }
      this.#begin(target, outcome.reservation);
    });
  }

  #skip(target: CompiledTarget, problem: string): void {
    this.#story.push(`${target.deployment.name}: ${problem}`);
    this.#at += 1;
    this.#next();
  }

  #begin(target: CompiledTarget, reservation: Reservation | undefined): void {
    const context = this.#context;
    const { upstream, leases } = this.#parts;
    const message = this.#messageFor(target);
    if (typeof message === "string") {
      if (reservation !== undefined) leases.void(reservation);
      this.#skip(target, message);
      return;
    }
    let run: AttemptRun;
    try {
      run = this.#open(target, message, reservation);
    } catch (error) {
      // There is no attempt whose end would give it back.
      if (reservation !== undefined) leases.void(reservation);
      throw error;
    }
    if (this.#plan.models !== undefined) {
      context.attemptModels = withOneMore(context.attemptModels, this.#modelOf(target));
    }
    this.#current = run;
    sendAttempt(run, message, context, { upstream, listener: this });
  }

  #open(
    target: CompiledTarget,
    message: AttemptMessage,
    reservation: Reservation | undefined,
  ): AttemptRun {
    const { attempts } = this.#context;
    const { clock, tracer } = this.#parts;
    // What the head of its answer tells of limits is about counts alone: nobody listens.
    return new AttemptRun(this, {
      target,
      kind: attempts.length === 0 ? AttemptKind.PRIMARY : AttemptKind.FALLBACK,
      format: message.reading,
      number: attempts.length + 1,
      spanId: tracer.newSpanId(),
      reservation,
      warnings: [],
      stream: false,
      relays: false,
      clock,
      startMs: clock.monotonicMs(),
      timeouts: { ...target.timeouts, answerMs: attemptMs, attemptMs },
      requestEndMs: this.#endMs,
    });
  }

  /** Why there is none where the target's format can't express the request. */
  #messageFor(target: CompiledTarget): AttemptMessage | string {
    try {
      return countMessage(this.#context, target, this.#parts);
    } catch (error) {
      return toGatewayError(error).message;
    }
  }

  attemptAnswered(run: AttemptRun, answer: WholeAnswer): void {
    this.#close(run, "OK");
    const inputTokens = answer.end.usage?.inputTokens ?? 0n;
    this.#end({ kind: "counted", count: reportedCount(this.#context, run.target, inputTokens) });
  }

  attemptFailed(run: AttemptRun, failure: AttemptFailure): void {
    this.#guarded(() => this.#afterFailure(run, withoutEcho(failure, this.#context)));
  }

  /** What another target could not mend, such as a malformed request, goes to none. */
  #afterFailure(run: AttemptRun, failure: AttemptFailure): void {
    this.#close(run, failure.class, failure);
    const actions = failure.actions ?? failureTreatments[failure.class].actions;
    const goesOn = actions.includes("F") || actions.includes("K");
    this.#at = goesOn ? this.#at + 1 : this.#plan.targets.length;
    this.#next();
  }

  /**
   * Counts say nothing of how answers are served, but a credential is one for both: it is refused
   * for answers as well, and need not be found out once more.
   */
  #close(run: AttemptRun, outcome: AttemptFailure["class"] | "OK", failure?: AttemptFailure): void {
    this.#current = undefined;
    const context = this.#context;
    const { deployment } = run.target;
    const now = this.#parts.clock.monotonicMs();
    if (failure !== undefined) {
      if (outcome === "AUTH_FAILED") {
        const said = wordsOfFailure(run.httpStatus, failure);
        this.#parts.health.credentialRefused(deployment, said, now);
      } else this.#parts.countingPauses.failed(deployment, failure, now);
      if (failure.unmapped === true) sampleFailure(run, failure, this.#parts);
      this.#story.push(`${deployment.name}: ${words(run, failure)}`);
    }
    const durationMs = now - run.startMs;
    const offsetMs = run.startMs - context.startMonotonicMs;
    const nothing = { usage: undefined, cost: undefined, tier: "" };
    context.attempts = withOneMore(
      context.attempts,
      attemptRecord(run, { outcome, failure, ...nothing, offsetMs, durationMs }),
    );
    const { reservation } = run;
    if (reservation === undefined) return;
    const actuals = actualAmounts(reservation.uses, undefined, undefined);
    const charges = this.#parts.leases.settle(reservation, actuals);
    context.charges = [...context.charges, ...charges];
  }

  /** The model of the request's that a target was planned for. */
  #modelOf(target: CompiledTarget): string {
    return this.#plan.models?.get(target) ?? this.#context.request?.model ?? "";
  }

  #endEstimated(): void {
    const asked = this.#context.attempts.length > 0;
    const reason = asked ? CountEstimateReason.FAILED : CountEstimateReason.UNAVAILABLE;
    const why = { reason, detail: this.#story.join("; ") };
    this.#end({ kind: "counted", count: estimatedCount(this.#context, this.#plan.first, why) });
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
    this.#letGo();
    this.#end({ kind: "failed", error: toGatewayError(error) });
  }

  #end(end: RequestEnd): void {
    this.#ended = true;
    this.#listener.onAttemptsEnded(end);
  }

  // A count is no stream and goes to nobody as it came.
  attemptEvent(): void {}
  // Counts cost nothing.
  attemptUnderWay(): void {}
  attemptText(): void {}
  attemptFlush(): void {}
  attemptFinished(): void {}
  attemptRelayed(): void {}
}

/** Class, status and, where the provider speaks of the request itself, its words. */
function words({ httpStatus }: AttemptRun, failure: AttemptFailure): string {
  const status = httpStatus === 0 ? "" : ` with HTTP status ${httpStatus}`;
  const aboutCaller = failure.class === "BAD_REQUEST" || failure.class === "CONTEXT_TOO_LONG";
  const said = aboutCaller && failure.providerMessage !== "" ? `: ${failure.providerMessage}` : "";
  return `counting ended as ${failure.class}${status}${said}`;
}
