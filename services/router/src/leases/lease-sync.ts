import type {
  ReturnLeasesRequest,
  ReturnLeasesResponse,
  SyncLeasesRequest,
  SyncLeasesResponse,
} from "@penstock/api";
import type { ErrorReason } from "@penstock/errors";
import { syncIntervalMs } from "@penstock/limits";
import type { MonotonicMs } from "@penstock/limits";
import type { Logger, Observability, SpanContext } from "@penstock/observability";
import { deadlineSignal } from "@penstock/runtime";
import type { Clock, Timer } from "@penstock/runtime";
import type { LeaseBook } from "./lease-book.ts";
import { returnAllLeases } from "./return-leases.ts";
import {
  acknowledge,
  applyAnswer,
  buildExchange,
  maximumItems,
  takeBack,
} from "./sync-exchange.ts";
import type { Exchange } from "./sync-exchange.ts";
import { callerRefusal, isEpochRefusal, isRefusal } from "./sync-refusal.ts";

/** How long one sync may take; requests that wait have given up long before. */
const callTimeoutMs = 2_000;
const firstRetryMs = 100;
/** A holder with nothing to say shows itself so often. */
const showIntervalMs = 10_000;
const jitterShare = 0.1;
/** A difference of the clocks that is worth a line in the log (security R3 tolerates 60 s). */
const notableSkewMs = 5_000;
const skewLogIntervalMs = 600_000;
const epochRefusedText =
  "quota refuses this router: its epoch, which counts its starts in seconds of the clock, is over " +
  "a day ahead of quota's clock. If quota's clock is right, this router was started while its own " +
  "was wrong: set that right and start it with a new name (PENSTOCK_REPLICA or --replica); what " +
  "it has not published yet goes on under the old name";
const callerRefusedText =
  "quota refuses the lease syncs of this router: give it the PENSTOCK_SERVICE_TOKEN that quota has, " +
  "or a certificate of a router that quota's PENSTOCK_TLS_CLIENT_CA covers";
/** The most former lives that one sync may name (proto SyncLeasesRequest). */
const maximumRetired = 1_000;
/** How a call to quota is made. */
export interface LeaseCallOptions {
  readonly signal: AbortSignal;
  /** Span of the first request that waits and is sampled. */
  readonly parent: SpanContext | undefined;
}

/** A former life of the holder, see `Spool.retiredEpochs`. */
interface FormerEpoch {
  readonly epoch: bigint;
  readonly lastSequence: bigint;
}

/** What a sync needs. */
export interface LeaseSyncOptions {
  readonly book: LeaseBook;
  /** `<replica>/<worker>`. */
  readonly holder: string;
  readonly epoch: bigint;
  readonly call: (
    request: SyncLeasesRequest,
    options: LeaseCallOptions,
  ) => Promise<SyncLeasesResponse>;
  readonly returnLeases: (
    request: ReturnLeasesRequest,
    options: LeaseCallOptions,
  ) => Promise<ReturnLeasesResponse>;
  readonly clock: Clock;
  readonly observability: Pick<Observability, "logger" | "metrics">;
  /** Revision of the configuration in use. */
  readonly revision: () => bigint;
  readonly retiredEpochs?: readonly FormerEpoch[];
}

/**
 * Keeps the book and quota in step: once a second when there is something to say, and at once
 * when a request waits. One call at a time; what comes meanwhile goes into the next. A sync that
 * failed is sent again as it was, so that quota can tell it from a new one. One that quota can't
 * take is given up for a new one of half its size: what it may have lent meanwhile ends by itself.
 */
export class LeaseSync {
  readonly #options: LeaseSyncOptions;
  readonly #logger: Logger;
  readonly #calls;
  readonly #unreached;
  #sequence = 0n;
  /** The most reports, and the most wishes, of the next sync. */
  #items = maximumItems;
  /** Former lives of which quota has heard. */
  #retiredTold = 0;
  #shownMs = 0;
  #pending: { readonly exchange: Exchange; sentAt: MonotonicMs; tries: number } | undefined;
  #inFlight = false;
  #scheduled = false;
  #failures = 0;
  #timer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #reached = false;
  #stopped = true;
  #skewLoggedAt = -Infinity;
  #idle = Promise.withResolvers<void>();

  constructor(options: LeaseSyncOptions) {
    this.#options = options;
    this.#logger = options.observability.logger;
    const { metrics } = options.observability;
    const help = "Syncs of leases with quota, by outcome.";
    this.#calls = metrics.counter("penstock_lease_syncs_total", help, ["outcome"]);
    this.#unreached = metrics.gauge(
      "penstock_quota_unreachable",
      "1 while quota does not answer, else 0.",
    );
    options.book.onNeed = () => this.#soon();
  }

  /** Called once, when a later life of this holder has begun elsewhere. */
  onFenced: (newestEpoch: bigint) => void = () => undefined;
  #fenced = false;

  /** Called when quota begins, or ceases, to refuse this life, see `isEpochRefusal`. */
  onEpochRefused: (refused: boolean) => void = () => undefined;
  #epochRefused = false;

  /** Called when `isAnswering` or `refusedFor` has changed, and with the first failure. */
  onAnswering: () => void = () => undefined;

  /** Why quota takes no sync from this process, until it does; undefined: it does not say so. */
  get refusedFor(): ErrorReason | undefined {
    return this.#refusedFor;
  }
  #refusedFor: ErrorReason | undefined;

  /** Whether quota has answered, and no sync has failed since. */
  get isAnswering(): boolean {
    return this.#reached && this.#failures === 0;
  }

  /** Whether quota has answered once. */
  get reached(): boolean {
    return this.#reached;
  }

  /** Starts syncing; the first sync is sent at once and tells quota of this life of the holder. */
  start(): void {
    this.#stopped = false;
    this.#send(true);
    this.#scheduleTick();
  }

  /** Stops, waits for a sync under way and gives every lease back. Never rejects. */
  async drain(deadlineMs: number): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#retryTimer?.cancel();
    const { book, holder, epoch, returnLeases } = this.#options;
    const signal = deadlineSignal(deadlineMs);
    const expired = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    if (this.#inFlight) await Promise.race([this.#idle.promise, expired]);
    book.waiting.failAll();
    try {
      await returnAllLeases(book, { holder, epoch }, (request) =>
        returnLeases(request, { signal, parent: undefined }),
      );
    } catch (error) {
      // They expire by themselves; their spending is in the usage events.
      this.#logger.warn("leases could not be given back", { error });
    }
  }

  /** One sync for all requests of this turn of the event loop that find no room. */
  #soon(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#send(false);
    });
  }

  /** Quota is told of holders that are quiet, too: only so they hear of a later life of theirs. */
  #isTimeToShow(nowMs: number): boolean {
    return nowMs - this.#shownMs >= showIntervalMs;
  }

  #scheduleTick(): void {
    const jitter = 1 + jitterShare * (2 * Math.random() - 1);
    this.#timer = this.#options.clock.schedule(syncIntervalMs * jitter, () => {
      if (this.#stopped) return;
      this.#send(true);
      this.#scheduleTick();
    });
  }

  #send(complete: boolean): void {
    if (this.#stopped || this.#inFlight || this.#retryTimer !== undefined) return;
    const { book, clock, call } = this.#options;
    if (this.#pending === undefined) {
      const exchange = this.#build(complete);
      const said = [exchange.request.reports, exchange.request.wants, this.#untold()];
      const isQuiet = this.#reached && said.every(({ length }) => length === 0);
      if (isQuiet && !this.#isTimeToShow(clock.monotonicMs())) return;
      this.#sequence += 1n;
      this.#shownMs = clock.monotonicMs();
      this.#pending = { exchange, sentAt: clock.monotonicMs(), tries: 0 };
    }
    this.#pending.tries += 1;
    this.#inFlight = true;
    this.#idle = Promise.withResolvers<void>();
    const { exchange, sentAt } = this.#pending;
    const options = { signal: deadlineSignal(callTimeoutMs), parent: book.waiting.parent() };
    call(exchange.request, options).then(
      (answer) => this.#answered(exchange, answer, sentAt),
      (error: unknown) => this.#failed(exchange, error),
    );
  }

  /** An answer that can't be used must not end the process: the next sync asks anew. */
  #apply(exchange: Exchange, answer: SyncLeasesResponse, sentAt: MonotonicMs): void {
    try {
      applyAnswer(this.#options.book, exchange, answer, sentAt);
    } catch (error) {
      this.#logger.error("an answer of quota can't be used", { error });
    }
  }

  #build(complete: boolean): Exchange {
    const { book, holder, epoch, revision } = this.#options;
    const identity = {
      holder,
      epoch,
      sequence: this.#sequence + 1n,
      revision: revision(),
      retiredEpochs: this.#untold().map(({ epoch: former, lastSequence }) => ({
        $typeName: "penstock.quota.v1.RetiredEpoch" as const,
        epoch: former,
        lastSequence,
      })),
    };
    return buildExchange(book, identity, { complete, items: this.#items });
  }

  /** Former lives that the next sync names. */
  #untold(): readonly FormerEpoch[] {
    const { retiredEpochs = [] } = this.#options;
    const count = Math.min(this.#items, maximumRetired);
    return retiredEpochs.slice(this.#retiredTold, this.#retiredTold + count);
  }

  #answered(exchange: Exchange, answer: SyncLeasesResponse, sentAt: MonotonicMs): void {
    this.#pending = undefined;
    this.#ended();
    const wasAnswering = this.isAnswering;
    if (this.#failures > 0) this.#logger.info("quota answers again", { failures: this.#failures });
    this.#failures = 0;
    this.#refusedFor = undefined;
    this.#reached = true;
    this.#noteEpoch(false);
    if (!wasAnswering) this.onAnswering();
    this.#items = Math.min(maximumItems, 2 * this.#items);
    this.#retiredTold += exchange.request.retiredEpochs.length;
    this.#calls.add(1, "ok");
    this.#unreached.set(0);
    this.#options.book.waiting.answered(this.#options.clock.monotonicMs() - sentAt);
    this.#noteSkew(answer);
    this.#apply(exchange, answer, sentAt);
    if (answer.newestEpoch > this.#options.epoch) this.#fence(answer.newestEpoch);
    const hasMore = exchange.isPartial || this.#untold().length > 0;
    if (hasMore || this.#options.book.waiting.size > 0) this.#send(false);
  }

  /** Two with one name and one epoch would spend the same lease twice: the later start wins. */
  #fence(newestEpoch: bigint): void {
    if (this.#fenced) return;
    this.#fenced = true;
    const { book, holder, epoch } = this.#options;
    this.#logger.error("another router was started with this name; this one admits no more", {
      holder,
      epoch: String(epoch),
      newest_epoch: String(newestEpoch),
    });
    book.fence();
    this.onFenced(newestEpoch);
  }

  #failed(exchange: Exchange, error: unknown): void {
    this.#ended();
    this.#calls.add(1, "failed");
    this.#unreached.set(1);
    const refusedFor = callerRefusal(error);
    const isNews = this.#failures === 0 || refusedFor !== this.#refusedFor;
    if (isNews)
      this.#logger.warn(refusedFor ? callerRefusedText : "quota does not answer", { error });
    this.#refusedFor = refusedFor;
    this.#failures += 1;
    const epochRefused = isEpochRefusal(error);
    if (epochRefused) this.#noteEpoch(true);
    else if (isRefusal(error, this.#pending?.tries ?? 0)) this.#giveUp(exchange, error);
    if (isNews) this.onAnswering();
    const isRefused = epochRefused || refusedFor !== undefined;
    this.#options.book.waiting.failAll(isRefused ? "refused" : "away");
    if (this.#stopped) return;
    const delayMs = Math.min(syncIntervalMs, firstRetryMs * 2 ** (this.#failures - 1));
    const jitter = 1 + jitterShare * (2 * Math.random() - 1);
    this.#retryTimer = this.#options.clock.schedule(delayMs * jitter, () => {
      this.#retryTimer = undefined;
      this.#send(false);
    });
  }

  /** Nothing is wrong with the sync itself: it is sent again as it is, for when the clock is there. */
  #noteEpoch(refused: boolean): void {
    if (refused === this.#epochRefused) return;
    this.#epochRefused = refused;
    if (refused) this.#logger.error(epochRefusedText, { epoch: String(this.#options.epoch) });
    this.onEpochRefused(refused);
  }

  /** The next sync is half as large; what can't be said even alone is left unsaid. */
  #giveUp(exchange: Exchange, error: unknown): void {
    const { reports, wants, retiredEpochs, sequence } = exchange.request;
    const [said, wanted] = [reports.length, wants.length];
    const largest = Math.max(said, wanted, retiredEpochs.length);
    const details = { error, sequence: String(sequence), reports: said, wants: wanted };
    this.#logger.error("quota refuses a sync; a smaller one follows", details);
    this.#pending = undefined;
    this.#items = Math.max(1, Math.floor(largest / 2));
    if (largest > 1) return takeBack(this.#options.book, exchange);
    acknowledge(this.#options.book, exchange);
    this.#retiredTold += retiredEpochs.length;
  }

  #ended(): void {
    this.#inFlight = false;
    this.#idle.resolve();
  }

  #noteSkew(answer: SyncLeasesResponse): void {
    if (answer.serverTime === undefined) return;
    const { clock } = this.#options;
    const serverMs = Number(answer.serverTime.seconds) * 1000 + answer.serverTime.nanos / 1e6;
    const skewMs = clock.wallMs() - serverMs;
    const now = clock.monotonicMs();
    if (Math.abs(skewMs) < notableSkewMs || now - this.#skewLoggedAt < skewLogIntervalMs) return;
    this.#skewLoggedAt = now;
    this.#logger.warn("the clocks of router and quota differ", { skew_ms: Math.round(skewMs) });
  }
}
