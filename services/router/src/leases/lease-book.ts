import assert from "node:assert/strict";
import type { Charge } from "@penstock/api";
import { observeDemand } from "@penstock/limits";
import type { MonotonicMs, WallMs } from "@penstock/limits";
import type { SpanContext } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import type { CompiledQuota } from "@penstock/snapshot";
import { chargesOf } from "./charges.ts";
import { listOf } from "./list-of.ts";
import type { Moment, QuotaState } from "./quota-state.ts";
import { QuotaStates } from "./quota-states.ts";
import { Reservation } from "./reservation.ts";
import type { Hold } from "./reservation.ts";
import type {
  GrantWaiter,
  MustWait,
  QuotaRefused,
  QuotaUse,
  QuotaWait,
  Reserved,
  ReserveOutcome,
} from "./reserve-outcome.ts";
import { WaitingRequests } from "./waiting-requests.ts";

export type { GrantWaiter, QuotaRefused, QuotaUse, Reserved, ReserveOutcome };
export type { Reservation } from "./reservation.ts";

/** What a book needs. */
export interface LeaseBookOptions {
  readonly clock: Clock;
  /** Start counter of the holder. */
  readonly epoch: bigint;
}

/**
 * The leases of one holder. Requests reserve on them without asking anyone; a request that finds
 * no room waits for a grant, which `LeaseSync` fetches. Everything here is synchronous.
 */
export class LeaseBook {
  readonly epoch: bigint;
  /** Called when a request begins to wait; set by `LeaseSync`. */
  onNeed: () => void = () => undefined;
  readonly waiting: WaitingRequests;
  readonly #clock: Clock;
  readonly #states = new QuotaStates((state) => this.markDirty(state));
  /** States with something quota has not heard of. */
  #dirty: QuotaState[] = [];
  /** Another life of this holder has begun elsewhere. */
  #fenced = false;
  /** Quota's wall time minus our monotonic time; undefined until it has answered. */
  #quotaClockOffset: number | undefined;

  constructor(options: LeaseBookOptions) {
    this.#clock = options.clock;
    this.epoch = options.epoch;
    this.waiting = new WaitingRequests(this, options.clock);
  }

  /** Holds all amounts or none. `wait`: go on with `waitForGrant`, if there is time. */
  reserve(uses: readonly QuotaUse[], monotonic = this.#clock.monotonicMs()): ReserveOutcome {
    const at = this.#at(monotonic);
    this.#observe(uses, at);
    return this.attempt(uses, at);
  }

  /** Has the next complete sync ask for room that the first requests will need. */
  expect(uses: readonly QuotaUse[]): void {
    this.#observe(uses, this.now());
  }

  #observe(uses: readonly QuotaUse[], at: Moment): void {
    for (const use of uses) {
      const state = this.stateOf(use, at);
      if (state !== undefined) observeDemand(state.demand, use.amount, at.monotonic);
    }
  }

  /**
   * Asks quota for what is missing and tells the waiter how it ended, after at most `wait`.
   * `uses` are all uses of the request, not only the missing ones.
   */
  waitForGrant(
    uses: readonly QuotaUse[],
    wait: QuotaWait,
    waiter: GrantWaiter,
    parent?: SpanContext,
  ): void {
    this.waiting.add(waiter, { uses, parent, wait });
    this.onNeed();
  }

  /** The caller went away: the waiter is not called any more. */
  stopWaiting(waiter: GrantWaiter): void {
    this.waiting.remove(waiter);
  }

  /**
   * Ends the reservation with what was used, parallel to its uses, and says what is charged.
   * Throws an AssertionError when it had ended before.
   */
  settle(reservation: Reservation, actuals: readonly number[]): Charge[] {
    if (reservation.ended) assert.fail("a reservation ends once");
    if (actuals.length !== reservation.uses.length) assert.fail("one amount for each use");
    reservation.ended = true;
    const charges = chargesOf(reservation, actuals);
    this.#end(reservation.uses, reservation.holds, actuals);
    return charges;
  }

  /** Ends the reservation without a charge. Throws an AssertionError when it had ended before. */
  void(reservation: Reservation): Charge[] {
    if (reservation.ended) assert.fail("a reservation ends once");
    reservation.ended = true;
    this.#end(reservation.uses, reservation.holds, undefined);
    return [];
  }

  /**
   * What `settle` would charge now, for the intent record. The list is changed by the next call, and
   * by `settle`.
   */
  charges(reservation: Reservation, actuals: readonly number[]): Charge[] {
    return chargesOf(reservation, actuals);
  }

  /** Admits nothing on any quota any more: a later life of the holder has what it had. */
  fence(): void {
    if (this.#fenced) return;
    this.#fenced = true;
    for (const state of this.#states.byKey.values()) {
      if (state.current === undefined) continue;
      state.close();
      this.markDirty(state);
    }
    this.waiting.failAll();
  }

  /** What could be reserved without asking, in the quota's unit; undefined: quota is asked. */
  estimateRoom(use: QuotaUse): number | undefined {
    const state = this.#states.byKey.get(use.key);
    const at = this.now();
    if (state?.current === undefined) return state?.isExhausted(1, at) === true ? 0 : undefined;
    return state.room(at);
  }

  /** Follows the configuration: what was deleted is dropped, what changed is reported anew. */
  configurationChanged(quotas: ReadonlyMap<string, CompiledQuota>): void {
    for (const state of this.#states.byKey.values()) {
      const quota = quotas.get(state.quota.name);
      if (quota === state.quota) continue;
      if (quota === undefined) state.close();
      else state.adopt(quota);
      this.markDirty(state);
    }
    this.onNeed();
  }

  /** Now, with the wall time of quota if it is known: only quota decides where a period ends. */
  now(): Moment {
    return this.#at(this.#clock.monotonicMs());
  }

  #at(monotonic: MonotonicMs): Moment {
    const offset = this.#quotaClockOffset;
    const wall = offset === undefined ? this.#clock.wallMs() : ((monotonic + offset) as WallMs);
    return { monotonic, wall };
  }

  /** Notes quota's clock; `askedAt` is when it was asked, which can only make periods end early. */
  setQuotaClock(serverMs: number, askedAt: MonotonicMs): void {
    this.#quotaClockOffset = serverMs - askedAt;
  }

  /** One try to hold everything; observes no demand. For `WaitingRequests`. */
  attempt(uses: readonly QuotaUse[], at: Moment): ReserveOutcome {
    const [first] = uses;
    if (this.#fenced && first !== undefined) return refused(first, "unavailable");
    const holds = listOf<Hold>(uses.length);
    let missing: QuotaUse[] | undefined;
    for (let index = 0; index < uses.length; index += 1) {
      const use = uses[index];
      if (use === undefined) continue;
      const state = this.stateOf(use, at);
      if (state === undefined) return this.#undo(uses, holds, refused(use, "unavailable"));
      const hold = state.take(use.amount, at);
      if (hold !== undefined) {
        if (missing === undefined) holds[index] = hold;
        else state.end(hold, use.amount, undefined);
      } else if (state.isExhausted(use.amount, at)) {
        return this.#undo(uses, holds, refused(use, "exhausted", state.resetTimeMs));
      } else {
        missing ??= [];
        missing.push(use);
      }
    }
    if (missing !== undefined) return this.#undo(uses, holds, { kind: "wait", missing });
    return this.#reserved(uses, holds, at);
  }

  /**
   * Holds everything, by each quota's rule for when quota can't be asked where there is no room.
   * `away`: quota does not answer at all, rather than slowly.
   */
  attemptUnavailable(
    uses: readonly QuotaUse[],
    at: Moment,
    away: boolean,
  ): Reserved | QuotaRefused {
    const [first] = uses;
    if (this.#fenced && first !== undefined) return refused(first, "unavailable");
    const holds: Hold[] = [];
    for (const use of uses) {
      const state = this.stateOf(use, at);
      const hold =
        state?.take(use.amount, at) ?? state?.takeUnavailable(use.amount, at.monotonic, away);
      if (hold === undefined) return this.#undo(uses, holds, refused(use, "unavailable"));
      holds.push(hold);
    }
    return this.#reserved(uses, holds, at);
  }

  /** The state of an instance, made when there is none; undefined: there are too many. */
  stateOf(use: QuotaUse, at: Moment): QuotaState | undefined {
    return this.#states.obtain(use, at);
  }

  /** Known instances by key. For `LeaseSync`. */
  states(): ReadonlyMap<string, QuotaState> {
    return this.#states.byKey;
  }

  /** Takes the states that changed since the last call. For `LeaseSync`. */
  takeDirty(): QuotaState[] {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const state of dirty) state.isDirty = false;
    return dirty;
  }

  /** Something of the state is to be reported. */
  markDirty(state: QuotaState): void {
    if (state.isDirty) return;
    state.isDirty = true;
    this.#dirty.push(state);
  }

  /** Gives back what nobody has used for a minute, and forgets it. For `LeaseSync`. */
  dropIdle(at: Moment): void {
    this.#states.dropIdle(at);
  }

  #reserved(uses: readonly QuotaUse[], holds: readonly Hold[], { wall }: Moment): Reserved {
    for (const { state } of holds) this.markDirty(state);
    const reservation = new Reservation(uses, holds, wall);
    return { kind: "reserved", reservation };
  }

  #undo<Outcome extends MustWait | QuotaRefused>(
    uses: readonly QuotaUse[],
    holds: readonly Hold[],
    outcome: Outcome,
  ): Outcome {
    this.#end(uses, holds, undefined);
    return outcome;
  }

  #end(uses: readonly QuotaUse[], holds: readonly Hold[], actuals?: readonly number[]): void {
    for (let index = 0; index < holds.length; index += 1) {
      const hold = holds[index];
      if (hold === undefined) continue;
      hold.state.end(hold, uses[index]?.amount ?? 0, actuals?.[index]);
      this.markDirty(hold.state);
    }
  }
}

function refused(use: QuotaUse, cause: QuotaRefused["cause"], resetTimeMs?: number): QuotaRefused {
  return { kind: "refused", use, cause, resetTimeMs };
}
