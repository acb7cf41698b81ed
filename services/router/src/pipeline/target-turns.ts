import type { GatewayError } from "@penstock/errors";
import type { CompiledTarget } from "@penstock/snapshot";
import type { QuotaRefused, Reserved } from "../leases/reserve-outcome.ts";
import type { Reservation } from "../leases/reservation.ts";
import type { AttemptSequence } from "./attempt-sequence.ts";
import { passOver } from "./no-target-error.ts";
import type { PipelineParts } from "./pipeline-parts.ts";
import { quotaError } from "./quota-error.ts";
import type { RequestContext } from "./request-context.ts";
import { QuotaReservation } from "./reserve-quota.ts";
import type { ReservationListener } from "./reserve-quota.ts";
import { targetQuotaUses } from "./target-quotas.ts";
import { nextInTurn, turnObstacle } from "./turn-obstacle.ts";

/** Who makes the attempts. One of the first two is called for each turn. */
export interface TurnOwner {
  /** It is the target's turn, and what it needs of quotas is held. */
  begin(target: CompiledTarget, reservation: Reservation | undefined): void;
  /** Nobody is left to be asked. */
  outOfTargets(): void;
  /** Runs what a reservation has led to; a mistake in it ends the request. */
  guarded(step: () => void): void;
}

/**
 * Gives the planned targets their turns, one by one: passes over those that may not be asked now,
 * and holds what an attempt needs of quotas that name its target.
 */
export class TargetTurns implements ReservationListener {
  /** Why what was tried so far has not answered. */
  lastError: GatewayError | undefined;
  readonly #context: RequestContext;
  readonly #parts: PipelineParts;
  readonly #sequence: AttemptSequence;
  readonly #owner: TurnOwner;
  #reserving: QuotaReservation | undefined;
  #over = false;

  constructor(
    context: RequestContext,
    parts: PipelineParts,
    sequence: AttemptSequence,
    owner: TurnOwner,
  ) {
    this.#context = context;
    this.#parts = parts;
    this.#sequence = sequence;
    this.#owner = owner;
  }

  /** Whose turn it is gets it. */
  next(): void {
    const target = nextInTurn(this.#sequence, this.#parts);
    if (target === undefined) {
      this.#owner.outOfTargets();
      return;
    }
    const obstacle = turnObstacle(target, this.#sequence, this.#parts);
    if (obstacle !== undefined) {
      passOver(this.#context, target, obstacle);
      this.skip();
      return;
    }
    const uses = targetQuotaUses(this.#context, target, this.#sequence.modelOf(target));
    if (uses.length === 0) {
      this.#owner.begin(target, undefined);
      return;
    }
    this.#reserving = new QuotaReservation(this.#parts, this);
    this.#reserving.start(uses, this.#context.trace);
  }

  /** The turn goes to the one behind. */
  skip(): void {
    this.#sequence.skip();
    this.next();
  }

  /** Nothing is held for a turn any more, and none begins. */
  cancel(): void {
    this.#over = true;
    this.#reserving?.cancel();
  }

  /** The quotas of the target are held, or not. Called by the reservation. */
  onReserved(outcome: Reserved | QuotaRefused): void {
    this.#owner.guarded(() => this.#reserved(outcome));
  }

  #reserved(outcome: Reserved | QuotaRefused): void {
    this.#reserving = undefined;
    if (this.#over) {
      if (outcome.kind === "reserved") this.#parts.leases.void(outcome.reservation);
      return;
    }
    const { target } = this.#sequence;
    if (target === undefined) return;
    if (outcome.kind === "reserved") {
      this.#owner.begin(target, outcome.reservation);
      return;
    }
    // A quota of a target means the next target; the caller is refused when none is left.
    const { clock, events } = this.#parts;
    events.quotaRefused(this.#context.requestId, outcome, clock.monotonicMs());
    const error = quotaError(outcome, clock.wallMs());
    this.lastError ??= error;
    passOver(this.#context, target, { rule: outcome.use.quota.name, reason: error.message });
    this.skip();
  }
}
