import { AttemptKind } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { formats } from "@penstock/formats";
import type { Answer, AnswerEnd, StreamEvent } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import type { CompiledTarget } from "@penstock/snapshot";
import type { GrantWaiter, QuotaRefused, QuotaUse, Reserved } from "../leases/reserve-outcome.ts";
import type { Reservation } from "../leases/reservation.ts";
import { attemptRecord } from "./attempt-record.ts";
import { AttemptRun } from "./attempt-run.ts";
import type { AttemptFailure, AttemptOwner } from "./attempt-run.ts";
import { errorOfAttempt } from "./attempt-error.ts";
import { attemptCost, attemptUsage } from "./attempt-usage.ts";
import { decideNextAttempt } from "./decide-next-attempt.ts";
import type { AnswerFacts } from "./downstream.ts";
import { quotaUse } from "./estimate-usage.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { planForContext } from "./plan-for-context.ts";
import { noTargetError } from "./no-target-error.ts";
import type { AttemptPlan } from "./plan-attempts.ts";
import { quotaError } from "./quota-error.ts";
import type { RequestContext } from "./request-context.ts";
import { actualAmounts } from "./settle-amounts.ts";
import type { TokenUsage } from "@penstock/api";

/** How the attempts of a request ended. */
export type RequestEnd =
  | { readonly kind: "answered"; readonly answer: Answer; readonly facts: AnswerFacts }
  | { readonly kind: "finished"; readonly end: AnswerEnd }
  | { readonly kind: "failed"; readonly error: GatewayError }
  | { readonly kind: "cancelled" };

/** How often a running stream writes down how far it is, for the case that the process dies. */
const progressIntervalMs = 1_000;
/** How long a reservation may wait for the quota service (decisions §6). */
const grantTimeoutMs = 150;

/**
 * The executor: takes the planned targets one by one until one answers. It makes no choice of its
 * own but for what `decideNextAttempt` says. Calls `done` exactly once.
 */
export class RequestRun implements AttemptOwner, GrantWaiter {
  readonly #context: RequestContext;
  readonly #parts: PipelineParts;
  readonly #done: (end: RequestEnd) => void;
  readonly #plan: AttemptPlan;
  #at = 0;
  #onTarget = 0;
  #kind: AttemptKind = AttemptKind.PRIMARY;
  #current: AttemptRun | undefined;
  #reservation: Reservation | undefined;
  #lastError: GatewayError | undefined;
  #waiting = false;
  #ended = false;
  #lastProgressMs = 0;

  constructor(context: RequestContext, parts: PipelineParts, done: (end: RequestEnd) => void) {
    this.#context = context;
    this.#parts = parts;
    this.#done = done;
    this.#plan = planForContext(context, parts);
  }

  start(): void {
    this.#next();
  }

  /** The caller is gone: the provider is let go, and what was used is settled. */
  cancel(): void {
    if (this.#ended) return;
    if (this.#waiting) this.#parts.leases.stopWaiting(this);
    const run = this.#current;
    if (run !== undefined) {
      run.cancel();
      this.#close(run, "CANCELLED", undefined, undefined);
    }
    this.#end({ kind: "cancelled" });
  }

  #next(): void {
    const target = this.#plan.targets[this.#at];
    if (target === undefined) {
      const error = this.#lastError ?? noTargetError(this.#context, this.#plan, this.#now);
      this.#end({ kind: "failed", error });
      return;
    }
    if (this.#parts.upstream.isFull(target)) {
      this.#skip();
      return;
    }
    const uses = this.#targetUses(target);
    if (uses.length === 0) {
      this.#begin(target, undefined);
      return;
    }
    const outcome = this.#parts.leases.reserve(uses);
    if (outcome.kind === "wait") {
      this.#waiting = true;
      this.#parts.leases.waitForGrant(uses, grantTimeoutMs, this, this.#context.trace);
    } else this.#reserved(outcome);
  }

  onGrantSettled(outcome: Reserved | QuotaRefused): void {
    this.#waiting = false;
    if (!this.#ended) this.#reserved(outcome);
    else if (outcome.kind === "reserved") this.#parts.leases.void(outcome.reservation);
  }

  #reserved(outcome: Reserved | QuotaRefused): void {
    const target = this.#plan.targets[this.#at];
    if (target === undefined) return;
    if (outcome.kind === "reserved") {
      this.#begin(target, outcome.reservation);
      return;
    }
    // A quota of a target means the next target; the caller is refused when none is left.
    this.#lastError ??= quotaError(outcome, this.#parts.clock.wallMs());
    this.#skip();
  }

  #skip(): void {
    this.#at += 1;
    this.#onTarget = 0;
    if (this.#context.attempts.length > 0) this.#kind = AttemptKind.FALLBACK;
    this.#next();
  }

  #targetUses(target: CompiledTarget): QuotaUse[] {
    const { caller, request } = this.#context;
    const { quotas } = target.deployment;
    if (quotas.length === 0 || caller === undefined || request === undefined) return [];
    return quotas
      .filter((quota) => quota.appliesTo(caller) && quota.matches(request.model, request.labels))
      .map((quota) => quotaUse(this.#context, quota, [target]));
  }

  #begin(target: CompiledTarget, reservation: Reservation | undefined): void {
    const context = this.#context;
    const { clock, upstream, health, tracer } = this.#parts;
    const { deployment } = target;
    const { request } = context;
    if (request === undefined) throw new Error("runs after the request was read");
    const format = formats[deployment.format];
    const { stream } = context;
    const bodyText = format.writeRequest(request, {
      model: deployment.model,
      stream,
      quirks: deployment.quirks,
    });
    const number = context.attempts.length + 1;
    const run = new AttemptRun(this, {
      target,
      format,
      number,
      spanId: tracer.newSpanId(),
      stream,
      clock,
      requestEndMs: context.deadlineMs,
    });
    this.#current = run;
    this.#reservation = reservation;
    this.#onTarget += 1;
    health.began(deployment, clock.monotonicMs());
    const budget = this.#parts.retryBudgets.of(deployment.name);
    if (this.#kind === AttemptKind.RETRY) budget.retry(this.#now);
    else budget.attempt(this.#now);
    run.handle = upstream.dispatch({
      target,
      bodyText,
      bodyBytes: Buffer.byteLength(bodyText),
      stream,
      requestId: context.requestId,
      attemptId: `${context.requestId}.${number}`,
      sink: run,
      connectTimeoutMs: target.timeouts.connectMs,
    });
  }

  attemptEvent(run: AttemptRun, event: StreamEvent): void {
    const { downstream } = this.#context;
    if (!run.committed) {
      run.committed = true;
      this.#context.firstTokenMs = this.#now - this.#context.startMonotonicMs;
      downstream.start(answerFacts(run));
      this.#writeProgress(run);
    }
    downstream.event(event);
  }

  attemptFlush(): void {
    const { downstream } = this.#context;
    const run = this.#current;
    if (run === undefined || !run.committed) return;
    downstream.flush();
    if (!downstream.ready) {
      run.pause();
      downstream.onDrain(() => run.resume());
    }
    if (this.#now - this.#lastProgressMs >= progressIntervalMs) this.#writeProgress(run);
  }

  attemptFinished(run: AttemptRun, end: AnswerEnd): void {
    if (!run.committed) {
      // An answer without any content is an answer all the same.
      run.committed = true;
      this.#context.firstTokenMs = this.#now - this.#context.startMonotonicMs;
      this.#context.downstream.start(answerFacts(run));
    }
    this.#context.finishReasons = end.candidates.map((candidate) => candidate.rawReason);
    this.#close(run, "OK", undefined, end.usage);
    this.#end({ kind: "finished", end });
  }

  attemptAnswered(run: AttemptRun, answer: Answer): void {
    run.committed = true;
    this.#context.firstTokenMs = this.#now - this.#context.startMonotonicMs;
    this.#context.finishReasons = answer.end.candidates.map((candidate) => candidate.rawReason);
    this.#close(run, "OK", undefined, answer.end.usage);
    this.#end({ kind: "answered", answer, facts: answerFacts(run) });
  }

  attemptFailed(run: AttemptRun, failure: AttemptFailure): void {
    this.#close(run, failure.class, failure, undefined);
    const { attempts } = this.#context;
    const now = this.#now;
    const next = decideNextAttempt({
      class: failure.class,
      committed: run.committed,
      retryAfterMs: failure.retryAfterMs,
      attempts: attempts.length,
      attemptsOnTarget: this.#onTarget,
      maxAttempts: this.#plan.maxAttempts,
      lastTarget: this.#at + 1 >= this.#plan.targets.length,
      remainingMs: this.#context.deadlineMs - now,
      retryBudget: this.#parts.retryBudgets.of(run.target.deployment.name).hasRoom(now),
      random: this.#parts.random(),
    });
    this.#lastError = this.#errorOf(run, failure);
    if (next.kind === "stop") this.#end({ kind: "failed", error: this.#lastError });
    else if (next.kind === "fallback") this.#skip();
    else {
      this.#kind = AttemptKind.RETRY;
      this.#current = undefined;
      this.#parts.clock.schedule(next.delayMs, () => {
        if (!this.#ended) this.#next();
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

  /** Writes the attempt down, tells its target's health and settles the target's quotas. */
  #close(
    run: AttemptRun,
    outcome: AttemptFailure["class"] | "OK",
    failure: AttemptFailure | undefined,
    reported: TokenUsage | undefined,
  ): void {
    const context = this.#context;
    const now = this.#now;
    const { deployment } = run.target;
    const estimate = context.estimate;
    if (estimate === undefined) throw new Error("runs after estimate-usage");
    const usage = attemptUsage(run, reported, estimate, this.#parts.calibration);
    const cost =
      usage === undefined ? undefined : attemptCost(usage, deployment, context.startWallMs);
    const offsetMs = run.startMs - context.startMonotonicMs;
    context.attempts.push(
      attemptRecord(run, {
        kind: this.#kind,
        outcome,
        failure,
        usage,
        cost,
        offsetMs,
        durationMs: now - run.startMs,
      }),
    );
    this.#parts.health.ended(
      deployment,
      { class: outcome, firstTokenMs: run.firstTokenMs, retryAfterMs: failure?.retryAfterMs },
      now,
    );
    if (this.#reservation !== undefined) {
      const actuals = actualAmounts(this.#reservation.uses, usage, cost);
      context.charges.push(...this.#parts.leases.settle(this.#reservation, actuals));
      this.#reservation = undefined;
    }
  }

  #writeProgress(run: AttemptRun): void {
    this.#lastProgressMs = this.#now;
    this.#parts.settlement.progress(this.#context, run, this.#kind);
  }

  #end(end: RequestEnd): void {
    this.#ended = true;
    this.#current = undefined;
    this.#done(end);
  }

  get #now(): MonotonicMs {
    return this.#parts.clock.monotonicMs();
  }
}

function answerFacts(run: AttemptRun): AnswerFacts {
  const { deployment } = run.target;
  return {
    responseId: run.responseId,
    upstreamModel: run.responseModel === "" ? deployment.model : run.responseModel,
    provider: deployment.provider.name,
    deployment: deployment.name,
    attempt: run.number,
  };
}
