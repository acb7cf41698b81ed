import type { Attempt, Charge } from "@penstock/api";
import { GatewayError, toGatewayError } from "@penstock/errors";
import type { Tracer } from "@penstock/observability";
import type { UsageEstimate } from "@penstock/pricing";
import type { Clock } from "@penstock/runtime";
import type { RouterEvents } from "../events.ts";
import type { LeaseBook } from "../leases/lease-book.ts";
import type { SpoolCallback } from "../usage/spool-callback.ts";
import type { UsageRecorder } from "../usage/usage-recorder.ts";
import { encodeEventHead, encodeUsageEvent } from "../usage/usage-event-encoder.ts";
import type { Admission } from "./admit.ts";
import { asksForSync } from "./asks-for-sync.ts";
import { attemptRecord } from "./attempt-record.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { servedTier } from "./served-tier.ts";
import { attemptCost, attemptUsage, estimatedUsage } from "./attempt-usage.ts";
import type { OutputCalibration } from "./output-estimate.ts";
import { PendingEnd } from "./pending-end.ts";
import type { Outcome, RequestContext } from "./request-context.ts";
import { emitRequestSpans } from "./request-spans.ts";
import type { RequestEnd } from "./request-end.ts";
import { actualAmounts, requestAmounts, unansweredAmounts } from "./settle-amounts.ts";
import { eventHead, eventTail, totalCost } from "./usage-event.ts";
import type { EventFacts } from "./usage-event.ts";

/** Records of requests without a valid key, per second: they must not fill the disk. */
const unauthenticatedPerSecond = 10;

/** What settlement uses. */
export interface SettlementParts {
  readonly clock: Clock;
  readonly tracer: Tracer;
  readonly events: RouterEvents;
  readonly admission: Admission;
  readonly leases: LeaseBook;
  readonly spool: UsageRecorder;
  readonly calibration: OutputCalibration;
  readonly replica: string;
}

/**
 * Everything that is borrowed is given back here, once for each request, however it ended: the
 * reservation is posted or voided, one usage event is written, and only then the caller gets the
 * last bytes of its answer.
 */
export class Settlement {
  readonly #parts: SettlementParts;
  #unauthenticatedSecond = 0;
  #unauthenticatedCount = 0;

  constructor(parts: SettlementParts) {
    this.#parts = parts;
  }

  /**
   * Writes what shall be recorded and charged if this process dies while the request runs: the
   * estimated input, and no output yet.
   */
  intent(context: RequestContext, done: SpoolCallback): void {
    const { leases, spool } = this.#parts;
    const { reservation, estimate } = context;
    let charges = noCharges;
    if (reservation !== undefined) {
      const amounts = unansweredAmounts(reservation.uses, estimate?.inputTokens ?? 0);
      charges = leases.charges(reservation, amounts);
    }
    const begunMs = context.readyMs + context.reserveWaitMs;
    const payload = this.#interrupted(context, noAttempts, charges, begunMs);
    spool.intent(context.requestId, payload, done, asksForSync(context));
  }

  /** Writes down how far the attempts under way are, for the same case. */
  progress(context: RequestContext, underWay: readonly AttemptRun[]): void {
    const { clock, leases, spool } = this.#parts;
    const { estimate, reservation } = context;
    if (estimate === undefined) return;
    const nowMs = clock.monotonicMs();
    const attempts = [...context.attempts];
    const charges = [...context.charges];
    for (const run of underWay) {
      const attempt = this.#attemptSoFar(context, run, estimate, nowMs);
      attempts.push(attempt);
      if (run.reservation === undefined) continue;
      const { uses } = run.reservation;
      const actuals = actualAmounts(uses, attempt.usage, attempt.costNanoUsd);
      charges.push(...leases.charges(run.reservation, actuals));
    }
    if (reservation !== undefined) {
      const actuals = requestAmounts(context, reservation.uses, attempts);
      charges.push(...leases.charges(reservation, actuals));
    }
    const payload = this.#interrupted(context, attempts, charges, nowMs);
    spool.progress(context.requestId, payload);
  }

  #attemptSoFar(
    context: RequestContext,
    run: AttemptRun,
    estimate: UsageEstimate,
    nowMs: number,
  ): Attempt {
    const usage = attemptUsage(run, undefined, estimate, this.#parts.calibration);
    const { deployment } = run.target;
    const tier = usage === undefined ? "" : servedTier(context, run, undefined);
    const cost =
      usage === undefined ? undefined : attemptCost(usage, deployment, context.startWallMs, tier);
    return attemptRecord(run, {
      // One without content has not failed: it is Penstock that went away.
      outcome: run.committed ? "STREAM_BROKEN" : "CANCELLED",
      failure: undefined,
      usage,
      cost,
      tier,
      offsetMs: run.startMs - context.startMonotonicMs,
      durationMs: nowMs - run.startMs,
    });
  }

  /** Ends a request whose attempts are over. */
  settle(context: RequestContext, end: RequestEnd): void {
    switch (end.kind) {
      case "answered":
      case "relayed":
      case "finished":
      case "counted":
        this.#settle(context, "COMPLETED", undefined, end);
        return;
      case "failed": {
        const outcome = context.attempts.length === 0 ? "REFUSED" : "FAILED";
        this.#settle(context, outcome, end.error, end);
        return;
      }
      case "cancelled":
        this.#settle(
          context,
          "CANCELLED",
          new GatewayError("CANCELLED", "The caller went away before the answer was complete."),
          end,
        );
    }
  }

  /** Ends a request that was refused before any attempt. */
  refuse(context: RequestContext, error: GatewayError): void {
    this.#settle(context, "REFUSED", error, { kind: "failed", error });
  }

  #settle(
    context: RequestContext,
    outcome: Outcome,
    error: GatewayError | undefined,
    end: RequestEnd,
  ): void {
    if (context.settled) throw new Error(`request ${context.requestId} was settled twice`);
    context.settled = true;
    context.outcome = outcome;
    context.error = error;
    try {
      this.#record(context, outcome, end);
    } catch (mistake) {
      this.#parts.events.bug(context.requestId, mistake);
      this.#conclude(context, { kind: "failed", error: toGatewayError(mistake) }, 0);
    }
  }

  /** Ends what is held and writes the event; its end is sent when that is written. */
  #record(context: RequestContext, outcome: Outcome, end: RequestEnd): void {
    const ofRequest = this.#endReservation(context, outcome);
    const charges = context.charges.length === 0 ? ofRequest : [...context.charges, ...ofRequest];
    context.charges = charges;
    context.costNanoUsd = totalCost(context.attempts);
    const durationMs = this.#parts.clock.monotonicMs() - context.startMonotonicMs;
    if (!this.#isRecorded(context)) {
      this.#conclude(context, end, durationMs);
      return;
    }
    const { spool } = this.#parts;
    const { requestId, attempts, error } = context;
    const sequence = spool.nextSequence();
    const facts = { sequence, outcome, durationMs, attempts, charges, error };
    spool.final(
      { requestId, payload: this.#encode(context, facts), sequence },
      new PendingEnd(this, context, end, durationMs),
      // Nothing was called for a request that was refused, and nothing is charged.
      outcome !== "REFUSED" && asksForSync(context),
    );
  }

  /** The last record of a request was written, or could not be. Called by `PendingEnd`, once. */
  onRecorded({ context, end, durationMs }: PendingEnd, failure: GatewayError | undefined): void {
    if (failure !== undefined) this.#parts.events.recordLost(context.requestId, failure);
    this.#conclude(context, end, durationMs);
  }

  #endReservation(context: RequestContext, outcome: Outcome): readonly Charge[] {
    const { reservation } = context;
    if (reservation === undefined) return noCharges;
    const { leases } = this.#parts;
    // A count for which nobody was asked took nothing, whether or not it is recorded.
    const unasked = context.operation === "count_tokens" && context.attempts.length === 0;
    if (outcome === "REFUSED" || unasked) return leases.void(reservation);
    return leases.settle(reservation, requestAmounts(context, reservation.uses, context.attempts));
  }

  /** The caller gets the end of its answer; then the request is forgotten. */
  #conclude(context: RequestContext, end: RequestEnd, durationMs: number): void {
    const { admission, events, tracer } = this.#parts;
    admission.leave(context);
    if (end.kind === "counted") events.tokensCounted(end.count);
    // A mistake in here must not reach the spool: others of the same turn wait behind this one.
    try {
      this.#answer(context, end);
    } catch (error) {
      this.#answerMistake(context, error);
    }
    try {
      events.requestEnded(context, durationMs);
      if (tracer.enabled) emitRequestSpans(context, tracer, durationMs);
    } catch (error) {
      events.bug(context.requestId, error);
    }
  }

  /** The end could not be written: the caller hears at least of that. */
  #answerMistake(context: RequestContext, mistake: unknown): void {
    const { events } = this.#parts;
    events.bug(context.requestId, mistake);
    try {
      if (!context.downstream.gone) context.downstream.fail(toGatewayError(mistake));
    } catch (error) {
      events.bug(context.requestId, error);
    }
  }

  #answer(context: RequestContext, end: RequestEnd): void {
    const { downstream } = context;
    if (downstream.gone) return;
    const settled = {
      // Of the attempt that answered: what failed ones used is in the record and in the cost, but
      // callers reckon with these counts how long their conversation is.
      usage: context.attempts.at(-1)?.usage ?? estimatedUsage(0, 0),
      costNanoUsd: context.costNanoUsd,
    };
    if (end.kind === "answered") {
      const { answer, facts } = end;
      if ("embeddings" in answer) downstream.vectors(answer, facts, settled);
      else downstream.answer(answer, facts, settled);
    } else if (end.kind === "relayed") downstream.relay(end.answer, end.facts, settled);
    else if (end.kind === "finished") downstream.finish(end.end, settled);
    else if (end.kind === "counted") downstream.counted?.(end.count);
    else if (end.kind === "failed") downstream.fail(end.error);
  }

  #interrupted(
    context: RequestContext,
    attempts: readonly Attempt[],
    charges: readonly Charge[],
    nowMs: number,
  ): Uint8Array {
    return this.#encode(context, {
      sequence: 0n,
      outcome: "INTERRUPTED",
      durationMs: nowMs - context.startMonotonicMs,
      attempts,
      charges,
      error: undefined,
    });
  }

  /** The caller's last bytes wait for this: what is known since the intent is not encoded again. */
  #encode(context: RequestContext, facts: EventFacts): Uint8Array {
    const { spool, replica } = this.#parts;
    context.eventHead ??= encodeEventHead(eventHead(context, replica, spool.epoch));
    return encodeUsageEvent(eventTail(context, facts), context.eventHead);
  }

  #isRecorded(context: RequestContext): boolean {
    const { spool, events } = this.#parts;
    // An estimate, or a refusal of one, is no call of a provider and takes nothing.
    if (context.operation === "count_tokens") return spool.hasIntent(context.requestId);
    // What is left of the disk is for the ends of what runs.
    if (!spool.takesIntents && !spool.hasIntent(context.requestId)) {
      events.unrecorded("spool");
      return false;
    }
    if (context.caller !== undefined || this.#isRareEnough(context)) return true;
    events.unrecorded("unauthenticated");
    return false;
  }

  #isRareEnough(context: RequestContext): boolean {
    const second = Math.floor(context.startMonotonicMs / 1_000);
    if (second !== this.#unauthenticatedSecond) {
      this.#unauthenticatedSecond = second;
      this.#unauthenticatedCount = 0;
    }
    this.#unauthenticatedCount += 1;
    return this.#unauthenticatedCount <= unauthenticatedPerSecond;
  }
}

const noAttempts: readonly Attempt[] = [];
const noCharges: readonly Charge[] = [];
