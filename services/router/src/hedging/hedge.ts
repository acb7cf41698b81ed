import type { CompiledRoute, CompiledTarget } from "@penstock/snapshot";
import type { QuotaRefused, QuotaUse, Reserved } from "../leases/reserve-outcome.ts";
import type { Reservation } from "../leases/reservation.ts";
import type { AttemptRun } from "../pipeline/attempt-run.ts";
import type { AttemptSequence } from "../pipeline/attempt-sequence.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import type { AttemptPlan } from "../pipeline/plan-attempts.ts";
import { admitTarget } from "../pipeline/plan-for-context.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { QuotaReservation } from "../pipeline/reserve-quota.ts";
import type { ReservationListener } from "../pipeline/reserve-quota.ts";
import { hedgeQuotaUses } from "../pipeline/target-quotas.ts";
import type { Timer } from "@penstock/runtime";
import { hedgeObstacle } from "./hedge-rules.ts";

/** Who makes the second call. */
export interface HedgeOwner {
  /** Asks the target beside the attempt under way; false when its format can't express the request. */
  beginHedge(target: CompiledTarget, reservation: Reservation | undefined): boolean;
  /** Runs what a timer or a reservation has led to; a mistake in it ends the request. */
  guarded(step: () => void): void;
}

/** What a hedge looks at. */
export interface HedgeSubject {
  readonly context: RequestContext;
  readonly parts: PipelineParts;
  readonly plan: AttemptPlan;
  readonly sequence: AttemptSequence;
}

/**
 * The hedge of a request, which counts as one that could have it; undefined for nearly all: their
 * route has none, or the request must not be asked twice.
 */
export function hedgeOf(subject: HedgeSubject, owner: HedgeOwner): Hedge | undefined {
  const { context, parts, plan } = subject;
  const { route } = context;
  if (route?.hedging === undefined || hedgeObstacle(context, plan) !== undefined) return undefined;
  parts.hedging.asked(route);
  return new Hedge(subject, route, owner);
}

/**
 * Waits for an attempt's first content, and when that is late has another target asked beside it,
 * once in a request: waiting → perhaps reserving → made. It never ends anything by itself.
 */
export class Hedge implements ReservationListener {
  readonly #of: HedgeSubject;
  readonly #route: CompiledRoute;
  readonly #owner: HedgeOwner;
  #timer: Timer | undefined;
  #reserving: QuotaReservation | undefined;
  #target: CompiledTarget | undefined;
  #made = false;

  constructor(subject: HedgeSubject, route: CompiledRoute, owner: HedgeOwner) {
    this.#of = subject;
    this.#route = route;
    this.#owner = owner;
  }

  /** An attempt was sent: from now on it has the delay to give content. */
  watch({ target }: AttemptRun): void {
    const { hedging } = this.#route;
    if (this.#made || hedging === undefined) return;
    const { context, parts } = this.#of;
    const now = parts.clock.monotonicMs();
    const delayMs = parts.hedging.delayMs(hedging, target.deployment, context.stream, now);
    if (now + delayMs >= context.deadlineMs) return;
    this.#timer = parts.clock.schedule(delayMs, () => this.#owner.guarded(() => this.#late()));
  }

  /** The attempt that was watched has ended, or answers. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#reserving?.cancel();
    this.#reserving = undefined;
  }

  #late(): void {
    this.#timer = undefined;
    const { context, parts, sequence } = this.#of;
    if (!parts.hedging.hasRoom(this.#route)) return;
    const target = sequence.standIn((one) => this.#isFree(one));
    if (target === undefined) return;
    const uses = hedgeQuotaUses(context, target, sequence.modelOf(target));
    this.#target = target;
    if (uses.length === 0) this.#make(target, undefined);
    else this.#reserve(uses);
  }

  /** Second calls are for targets that are well, not for those tried in need. */
  #isFree(target: CompiledTarget): boolean {
    const { parts } = this.#of;
    return admitTarget(target, parts).ok && !parts.upstream.isFull(target);
  }

  #reserve(uses: readonly QuotaUse[]): void {
    this.#reserving = new QuotaReservation(this.#of.parts, this);
    this.#reserving.start(uses, this.#of.context.trace);
  }

  /** What is not held is no reason to fail: the first attempt goes on. Called by the reservation. */
  onReserved(outcome: Reserved | QuotaRefused): void {
    this.#reserving = undefined;
    if (outcome.kind === "refused" || this.#target === undefined) return;
    const target = this.#target;
    this.#owner.guarded(() => this.#make(target, outcome.reservation));
  }

  #make(target: CompiledTarget, reservation: Reservation | undefined): void {
    if (this.#mayMake(target, reservation) && this.#owner.beginHedge(target, reservation)) return;
    if (reservation !== undefined) this.#of.parts.leases.void(reservation);
  }

  /** Asked once its quotas are held, as it may have waited for them. */
  #mayMake(target: CompiledTarget, reservation: Reservation | undefined): boolean {
    const { parts } = this.#of;
    try {
      const may = this.#isFree(target) && parts.hedging.take(this.#route);
      this.#made ||= may;
      return may;
    } catch (error) {
      // There is no attempt whose end would give it back.
      if (reservation !== undefined) parts.leases.void(reservation);
      throw error;
    }
  }
}
