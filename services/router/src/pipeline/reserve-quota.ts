import type { SpanContext } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { LeaseBook } from "../leases/lease-book.ts";
import type {
  GrantWaiter,
  QuotaRefused,
  QuotaUse,
  QuotaWait,
  Reserved,
} from "../leases/reserve-outcome.ts";

/** Hears once how a reservation ended, and how long it had to wait for the quota service. */
export interface ReservationListener {
  onReserved(outcome: Reserved | QuotaRefused, waitedMs: number): void;
}

/**
 * Holds amounts on every lease that applies, all or none. Nearly always without waiting: only where
 * a quota is almost used up, or was never asked about, the quota service is asked at once.
 */
export class QuotaReservation implements GrantWaiter {
  readonly #leases: LeaseBook;
  readonly #clock: Clock;
  readonly #wait: QuotaWait;
  readonly #listener: ReservationListener;
  #waitedFromMs = 0;
  #waiting = false;

  constructor(
    parts: { readonly leases: LeaseBook; readonly clock: Clock; readonly quotaWait: QuotaWait },
    listener: ReservationListener,
  ) {
    this.#leases = parts.leases;
    this.#clock = parts.clock;
    this.#wait = parts.quotaWait;
    this.#listener = listener;
  }

  start(uses: readonly QuotaUse[], trace: SpanContext): void {
    const outcome = this.#leases.reserve(uses);
    if (outcome.kind === "wait") this.wait(uses, trace);
    else this.#listener.onReserved(outcome, 0);
  }

  /** For who has tried already, and found no room. */
  wait(uses: readonly QuotaUse[], trace: SpanContext): void {
    this.#waiting = true;
    this.#waitedFromMs = this.#clock.monotonicMs();
    this.#leases.waitForGrant(uses, this.#wait, this, trace);
  }

  /** The caller is gone; nobody is told any more, and nothing is held. */
  cancel(): void {
    if (this.#waiting) this.#leases.stopWaiting(this);
    this.#waiting = false;
  }

  onGrantSettled(outcome: Reserved | QuotaRefused): void {
    if (!this.#waiting) {
      if (outcome.kind === "reserved") this.#leases.void(outcome.reservation);
      return;
    }
    this.#waiting = false;
    this.#listener.onReserved(outcome, this.#clock.monotonicMs() - this.#waitedFromMs);
  }
}
