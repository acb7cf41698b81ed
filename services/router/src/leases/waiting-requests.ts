import type { MonotonicMs } from "@penstock/limits";
import type { SpanContext } from "@penstock/observability";
import type { Clock, Timer } from "@penstock/runtime";
import type { LeaseBook } from "./lease-book.ts";
import type { Moment, QuotaState } from "./quota-state.ts";
import type {
  GrantWaiter,
  QuotaRefused,
  QuotaSilence,
  QuotaUse,
  QuotaWait,
  Reserved,
} from "./reserve-outcome.ts";

/** After so many misses in a row, an answer of quota between none, nobody waits for one. */
const missesUntilUnreachable = 3;
/** What many requests miss at the same time is one miss. */
const missIntervalMs = 100;

/** One request that waits. */
export interface Waiting {
  readonly uses: readonly QuotaUse[];
  readonly parent: SpanContext | undefined;
  readonly wait: QuotaWait;
}

interface Entry extends Waiting {
  readonly timeoutMs: number;
  readonly timer: Timer;
  readonly since: MonotonicMs;
}

/** Requests that wait for a grant, in the order in which they came. They hold nothing meanwhile. */
export class WaitingRequests {
  readonly #book: LeaseBook;
  readonly #clock: Clock;
  readonly #entries = new Map<GrantWaiter, Entry>();
  #misses = 0;
  #missedAt = -Infinity;
  /** Length of the last call, if it was answered and nobody was left waiting since. */
  #answeredInMs = Infinity;
  #failed: "away" | "refused" | undefined;

  constructor(book: LeaseBook, clock: Clock) {
    this.#book = book;
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether quota has left several waits in a row without an answer. */
  get quotaUnreachable(): boolean {
    return this.#misses >= missesUntilUnreachable;
  }

  add(waiter: GrantWaiter, waiting: Waiting): void {
    const timeoutMs = this.#patienceMs(waiting.wait);
    const timer = this.#clock.schedule(timeoutMs, () => this.#timedOut(waiter));
    const since = this.#clock.monotonicMs();
    this.#entries.set(waiter, { ...waiting, timeoutMs, timer, since });
  }

  /** A quota that was quick a moment ago is slow for a moment: better a late answer than none. */
  #patienceMs({ usualMs, aliveMs }: QuotaWait): number {
    if (this.quotaUnreachable) return 0;
    return this.#answeredInMs <= aliveMs ? Math.max(usualMs, aliveMs) : usualMs;
  }

  remove(waiter: GrantWaiter): void {
    this.#entries.get(waiter)?.timer.cancel();
    this.#entries.delete(waiter);
  }

  /** What waiting requests need of each instance beyond its room. */
  needs(at: Moment): Map<QuotaState, number> {
    const needs = new Map<QuotaState, number>();
    for (const { uses } of this.#entries.values()) {
      for (const use of uses) {
        const state = this.#book.stateOf(use, at);
        if (state !== undefined) needs.set(state, (needs.get(state) ?? 0) + use.amount);
      }
    }
    return needs;
  }

  /** Span of the first request that waits and is sampled. */
  parent(): SpanContext | undefined {
    for (const { parent } of this.#entries.values()) {
      if (parent?.sampled === true) return parent;
    }
    return undefined;
  }

  /** Quota has answered a call, so long after it was first made. Tries nothing again. */
  answered(tookMs: number): void {
    this.#misses = 0;
    this.#failed = undefined;
    this.#answeredInMs = tookMs;
  }

  /** What quota said has been noted: tries again in the order of arrival. */
  retry(): void {
    for (const [waiter, entry] of Array.from(this.#entries)) {
      const at = this.#book.now();
      const outcome = this.#book.attempt(entry.uses, at);
      if (outcome.kind !== "wait") {
        this.#settle(waiter, outcome);
        continue;
      }
      // Quota does not know it yet and the small allowance is used up: its rule decides.
      const unknown = outcome.missing.some(
        (use) => this.#book.stateOf(use, at)?.isBootstrapping === true,
      );
      if (unknown) this.#settle(waiter, this.#book.attemptUnavailable(entry.uses, at, true));
    }
  }

  /** Quota could not be asked: the rules of the quotas decide for all who wait. */
  failAll(state: "away" | "refused" = "away"): void {
    this.#failed = state;
    this.#miss();
    for (const [waiter, entry] of Array.from(this.#entries)) this.#decide(waiter, entry, true);
  }

  #timedOut(waiter: GrantWaiter): void {
    const entry = this.#entries.get(waiter);
    if (entry !== undefined && this.#decide(waiter, entry, this.quotaUnreachable) === "unanswered")
      this.#miss();
  }

  #miss(): void {
    this.#answeredInMs = Infinity;
    const now = this.#clock.monotonicMs();
    if (now - this.#missedAt < missIntervalMs) return;
    this.#missedAt = now;
    this.#misses += 1;
  }

  #decide(waiter: GrantWaiter, entry: Entry, away: boolean): "answered" | "unanswered" {
    const at = this.#book.now();
    const answered = this.#knownOutcome(entry, at);
    if (answered !== undefined) {
      this.#settle(waiter, answered);
      return "answered";
    }
    const outcome = this.#book.attemptUnavailable(entry.uses, at, away);
    const isRefused = outcome.kind === "refused";
    this.#settle(waiter, isRefused ? { ...outcome, silence: this.#silenceFor(entry) } : outcome);
    return "unanswered";
  }

  #silenceFor({ timeoutMs }: Entry): QuotaSilence {
    if (this.#failed !== undefined) return { state: this.#failed };
    return timeoutMs === 0 ? { state: "skipped" } : { state: "late", waitedMs: timeoutMs };
  }

  /**
   * A quota that gave less than was needed while the request waited is not unavailable: it has no
   * room. One that gave all it was asked for was asked before this request came.
   */
  #knownOutcome(entry: Entry, at: Moment): Reserved | QuotaRefused | undefined {
    const outcome = this.#book.attempt(entry.uses, at);
    if (outcome.kind !== "wait") return outcome;
    for (const use of outcome.missing) {
      const state = this.#book.stateOf(use, at);
      if (state === undefined || state.isBootstrapping || state.shortAt < entry.since) continue;
      return { kind: "refused", use, cause: "exhausted", resetTimeMs: state.resetTimeMs };
    }
    return undefined;
  }

  #settle(waiter: GrantWaiter, outcome: Reserved | QuotaRefused): void {
    this.remove(waiter);
    waiter.onGrantSettled(outcome);
  }
}
