import { CountEstimateReason } from "@penstock/api";
import { GatewayError, toGatewayError } from "@penstock/errors";
import { admit } from "./admit.ts";
import { authenticate } from "./authenticate.ts";
import { estimatedCount } from "./count-answer.ts";
import { CountRun } from "./count-run.ts";
import type { Downstream } from "./downstream.ts";
import { enforcePolicies } from "./enforce-policies.ts";
import { estimate } from "./estimate-usage.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { planCount } from "./plan-count.ts";
import type { CountPlan } from "./plan-count.ts";
import { quotaError } from "./quota-error.ts";
import { RequestContext } from "./request-context.ts";
import type { RequestArrival } from "./request-context.ts";
import { QuotaReservation } from "./reserve-quota.ts";
import type { ReservationListener } from "./reserve-quota.ts";
import { resolveRoute } from "./resolve-route.ts";
import { RequestRun } from "./run-attempts.ts";
import type { AttemptsListener, RequestEnd } from "./request-end.ts";
import type { Refusal } from "./stage.ts";
import type { SpoolCallback } from "../usage/spool-callback.ts";
import type { QuotaRefused, Reserved } from "../leases/reserve-outcome.ts";

/**
 * The life of a request, read from top to bottom: the synchronous stages in their order, then the
 * reservation, the intent, the attempts, and settlement, which always runs, once.
 */
export class RequestHandler implements SpoolCallback, AttemptsListener, ReservationListener {
  readonly context: RequestContext;
  readonly #parts: PipelineParts;
  #cancellable: QuotaReservation | RequestRun | CountRun | undefined;
  /** Undefined: something else than a count is asked for. */
  #counting: CountPlan | undefined;
  #cancelled = false;

  constructor(arrival: RequestArrival, downstream: Downstream, parts: PipelineParts) {
    const trace = parts.tracer.newContext(arrival.parent);
    this.context = new RequestContext(arrival, trace, downstream);
    this.context.handler = this;
    this.#parts = parts;
  }

  /**
   * For doors that have not read the body yet: only callers that are let in may send one. False
   * when the request was refused, answered and settled.
   */
  enter(): boolean {
    const { context } = this;
    const refusal = authenticate(context, this.#parts) ?? admit(context, this.#parts);
    if (refusal !== undefined) this.refuse(refusal);
    return refusal === undefined;
  }

  /** Refuses a request that the door itself can't go on with, such as one that can't be read. */
  refuse(error: GatewayError): void {
    if (!this.context.settled) this.#parts.settlement.refuse(this.context, error);
  }

  /** Runs the request, whose body is read by now. */
  run(): void {
    if (this.#cancelled) return;
    const refusal = this.#runStages();
    if (refusal !== undefined) {
      this.refuse(refusal);
      return;
    }
    try {
      if (this.context.operation === "count_tokens") this.#planCount();
      else this.#goOn();
    } catch (error) {
      this.#fail(error);
    }
  }

  #goOn(): void {
    if (this.context.quotaUses.length === 0) this.#writeIntent();
    else this.#reserve();
  }

  /** A provider that is asked for a count is a request for limits on requests, and uses nothing. */
  #planCount(): void {
    const plan = planCount(this.context, this.#parts);
    if (plan instanceof GatewayError) {
      this.refuse(plan);
      return;
    }
    this.#counting = plan;
    if (plan.targets.length === 0) {
      this.#settle({ kind: "counted", count: estimatedCount(this.context, plan.first, plan.why) });
      return;
    }
    const { quotaUses } = this.context;
    this.context.quotaUses = quotaUses.filter(({ quota }) => quota.unit === "requests");
    this.#goOn();
  }

  /** Nobody is asked for a count after all. */
  #estimate({ first }: CountPlan, reason: CountEstimateReason, error: GatewayError): void {
    const count = estimatedCount(this.context, first, { reason, detail: error.message });
    this.#settle({ kind: "counted", count });
  }

  /** The caller is gone. */
  cancel(): void {
    this.#stop({ kind: "cancelled" });
  }

  /** The router ends before the request does: the caller is told why. */
  interrupt(error: GatewayError): void {
    this.#stop({ kind: "failed", error });
  }

  #stop(end: RequestEnd): void {
    if (this.#cancelled || this.context.settled) return;
    this.#cancelled = true;
    const running = this.#cancellable;
    try {
      if (running instanceof RequestRun || running instanceof CountRun) running.cancel(end);
      else {
        running?.cancel();
        this.#settle(end);
      }
    } catch (mistake) {
      this.#fail(mistake);
    }
  }

  #runStages(): Refusal {
    try {
      const { context } = this;
      const parts = this.#parts;
      context.readyMs = parts.clock.monotonicMs();
      return (
        authenticate(context, parts) ??
        admit(context, parts) ??
        resolveRoute(context, context.readyMs) ??
        enforcePolicies(context) ??
        estimate(context)
      );
    } catch (error) {
      return this.#bug(error);
    }
  }

  #reserve(): void {
    const { context } = this;
    const { clock, leases, tracer } = this.#parts;
    context.reserveOffsetMs = context.readyMs - context.startMonotonicMs;
    const outcome = leases.reserve(context.quotaUses, context.readyMs);
    if (outcome.kind !== "wait") {
      this.onReserved(outcome, 0);
      return;
    }
    const reservation = new QuotaReservation(this.#parts, this);
    this.#cancellable = reservation;
    // What is waited counts from here, and the first request of a process takes a while to get here.
    context.reserveOffsetMs = clock.monotonicMs() - context.startMonotonicMs;
    context.reserveSpanId = tracer.newSpanId();
    const { traceId, sampled } = context.trace;
    reservation.wait(context.quotaUses, { traceId, spanId: context.reserveSpanId, sampled });
  }

  /** The reservation ended. Called by it, once. */
  onReserved(outcome: Reserved | QuotaRefused, waitedMs: number): void {
    const { context } = this;
    this.#cancellable = undefined;
    context.reserveWaitMs = waitedMs;
    if (outcome.kind === "refused") {
      const { clock, events } = this.#parts;
      events.quotaRefused(context.requestId, outcome, clock.monotonicMs());
      const error = quotaError(outcome, clock.wallMs());
      if (this.#counting === undefined) this.refuse(error);
      else this.#estimate(this.#counting, CountEstimateReason.LIMITED, error);
      return;
    }
    context.reservation = outcome.reservation;
    try {
      this.#writeIntent();
    } catch (error) {
      this.#fail(error);
    }
  }

  #writeIntent(): void {
    this.#parts.settlement.intent(this.context, this);
  }

  /** The intent was written, or could not be. Called by the spool, once. */
  onSpooled(error: GatewayError | undefined): void {
    if (this.#cancelled) return;
    const unmetered = error !== undefined && this.context.caller?.allowUnmetered === true;
    if (error !== undefined && !unmetered) {
      if (this.#counting === undefined) this.refuse(error);
      else this.#estimate(this.#counting, CountEstimateReason.UNRECORDED, error);
      return;
    }
    if (unmetered) this.#parts.events.unmetered();
    try {
      const run =
        this.#counting === undefined
          ? new RequestRun(this.context, this.#parts, this)
          : new CountRun(this.context, this.#parts, this, this.#counting);
      this.#cancellable = run;
      run.start();
    } catch (mistake) {
      this.#fail(mistake);
    }
  }

  /** The attempts are over. Called by their run, once. */
  onAttemptsEnded(end: RequestEnd): void {
    this.#settle(end);
  }

  #settle(end: RequestEnd): void {
    this.#cancellable = undefined;
    if (!this.context.settled) this.#parts.settlement.settle(this.context, end);
  }

  /** A mistake in Penstock ends the request, not the process: nobody above could catch it. */
  #fail(mistake: unknown): void {
    this.#settle({ kind: "failed", error: this.#bug(mistake) });
  }

  #bug(error: unknown): GatewayError {
    const known = toGatewayError(error);
    if (known.reason === "INTERNAL") this.#parts.events.bug(this.context.requestId, error);
    return known;
  }
}
