import type { MonotonicMs } from "@penstock/limits";
import { QuotaState } from "./quota-state.ts";
import type { Moment } from "./quota-state.ts";
import type { QuotaUse } from "./reserve-outcome.ts";

/** Quota instances a router keeps; the most that one sync may name (proto SyncLeasesRequest). */
const maximumStates = 10_000;
/** An instance that was not used for so long is dropped, its lease given back. */
const idleMs = 60_000;
/** Where there is no room, one that holds nothing is forgotten after so long. */
const fullIdleMs = 1_000;
/** How often room is made, and how many leases are closed for it. */
const makeRoomIntervalMs = 1_000;
const mostClosed = 100;

/**
 * The quota instances that a router knows. Their number is bounded, and who names ever new ones
 * (an end user each) must not cost others their leases: room is made once a second, of what holds
 * nothing; where all hold something, a few leases that nobody has used for longest are given back.
 */
export class QuotaStates {
  readonly byKey: ReadonlyMap<string, QuotaState>;
  readonly #states = new Map<string, QuotaState>();
  readonly #onClosed: (state: QuotaState) => void;
  #madeRoomAt = -Infinity;

  /** `onClosed` hears of states whose lease was closed. */
  constructor(onClosed: (state: QuotaState) => void) {
    this.byKey = this.#states;
    this.#onClosed = onClosed;
  }

  /** The state of an instance, made when there is none; undefined: there are too many. */
  obtain(use: QuotaUse, at: Moment): QuotaState | undefined {
    const known = this.#states.get(use.key);
    if (known !== undefined) {
      if (known.quota !== use.quota && known.quota.revision < use.quota.revision) {
        known.adopt(use.quota);
      }
      return known;
    }
    if (this.#states.size >= maximumStates) this.#makeRoom(at);
    if (this.#states.size >= maximumStates) return undefined;
    const state = new QuotaState(use.key, use.quota, at.monotonic);
    this.#states.set(use.key, state);
    return state;
  }

  /** Closes leases of instances that nobody has used for a minute; forgets what holds nothing. */
  dropIdle(at: Moment): void {
    for (const state of this.#idleFor(idleMs, at.monotonic)) {
      if (isUnheld(state)) this.#close(state);
      this.#forget(state, at);
    }
  }

  #makeRoom(at: Moment): void {
    if (at.monotonic - this.#madeRoomAt < makeRoomIntervalMs) return;
    this.#madeRoomAt = at.monotonic;
    const idle = [...this.#idleFor(fullIdleMs, at.monotonic)];
    for (const state of idle) this.#forget(state, at);
    if (this.#states.size < maximumStates) return;
    const oldest = idle.filter(isUnheld).sort((one, other) => one.lastUsed - other.lastUsed);
    for (const state of oldest.slice(0, mostClosed)) this.#close(state);
  }

  *#idleFor(durationMs: number, now: MonotonicMs): Iterable<QuotaState> {
    for (const state of this.#states.values()) {
      if (now - state.lastUsed >= durationMs) yield state;
    }
  }

  #close(state: QuotaState): void {
    state.close();
    this.#onClosed(state);
  }

  #forget(state: QuotaState, at: Moment): void {
    if (state.current !== undefined || state.retiring.size > 0) return;
    if (at.monotonic >= state.exhaustedUntil) this.#states.delete(state.key);
  }
}

/** It has a lease, of which no request holds a part. */
function isUnheld({ current }: QuotaState): boolean {
  return current !== undefined && current.lease.reserved === 0;
}
