import type { GatewayError } from "@penstock/errors";
import type { Clock } from "@penstock/runtime";
import type { LeaseBook } from "../leases/lease-book.ts";
import type { GrantWaiter, QuotaRefused, Reserved } from "../leases/reserve-outcome.ts";
import { quotaError } from "./quota-error.ts";
import type { RequestContext } from "./request-context.ts";

/** Longest wait for the quota service; then the limit's `on_unavailable` decides (decisions §6). */
const grantTimeoutMs = 150;

/**
 * Holds the estimate on every lease that applies, all or none. Nearly always without waiting: only
 * where a quota is almost used up, or was never asked about, the quota service is asked at once.
 */
export class QuotaReservation implements GrantWaiter {
  readonly #context: RequestContext;
  readonly #leases: LeaseBook;
  readonly #clock: Clock;
  readonly #done: (refusal: GatewayError | undefined) => void;
  #waitedFromMs = 0;

  constructor(
    context: RequestContext,
    parts: { readonly leases: LeaseBook; readonly clock: Clock },
    done: (refusal: GatewayError | undefined) => void,
  ) {
    this.#context = context;
    this.#leases = parts.leases;
    this.#clock = parts.clock;
    this.#done = done;
  }

  start(): void {
    const uses = this.#context.quotaUses;
    if (uses.length === 0) {
      this.#done(undefined);
      return;
    }
    const outcome = this.#leases.reserve(uses);
    if (outcome.kind !== "wait") {
      this.#conclude(outcome);
      return;
    }
    this.#waitedFromMs = this.#clock.monotonicMs();
    this.#leases.waitForGrant(uses, grantTimeoutMs, this, this.#context.trace);
  }

  /** The caller is gone; `done` is not called any more. */
  cancel(): void {
    this.#leases.stopWaiting(this);
  }

  onGrantSettled(outcome: Reserved | QuotaRefused): void {
    this.#context.reserveWaitMs = this.#clock.monotonicMs() - this.#waitedFromMs;
    this.#conclude(outcome);
  }

  #conclude(outcome: Reserved | QuotaRefused): void {
    if (outcome.kind === "refused") {
      this.#done(quotaError(outcome, this.#clock.wallMs()));
      return;
    }
    this.#context.reservation = outcome.reservation;
    this.#done(undefined);
  }
}
