import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { busClosed } from "../limits.ts";
import { endNatsSession } from "./nats-session.ts";
import type { NatsSession } from "./nats-session.ts";

/** What a link needs. */
export interface NatsLinkOptions {
  /** Opens a session; `siblings` are servers that the last one knew of. */
  open(siblings: readonly string[]): Promise<NatsSession>;
  /** Makes a session fit for use before anybody gets it; never throws, ends by itself. */
  prepare(session: NatsSession): Promise<void>;
  /** Told when a session is there for use. */
  onConnected(): void;
  /** The longest that `start` waits for the first attempt; absent: until it has ended. */
  readonly patienceMs?: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const firstRetryMs = 250;
// Services are back two seconds after the server, also after an outage of hours.
const longestRetryMs = 2_000;
const sayAgainMs = 60_000;
const closeTimeoutMs = 1_000;

/** Keeps one session open for as long as it lives, whether or not a server is there. */
export class NatsLink {
  readonly #options: NatsLinkOptions;
  readonly #ended = new AbortController();
  readonly #waiting = new Set<(session: NatsSession) => void>();
  #current: NatsSession | undefined;
  #siblings: readonly string[] = [];
  #problem: GatewayError | undefined;
  #saidMs = Number.NEGATIVE_INFINITY;
  #said = "";

  constructor(options: NatsLinkOptions) {
    this.#options = options;
  }

  /** Begins to connect; resolves when the first attempt succeeded or failed, or took too long. */
  async start(): Promise<void> {
    const { clock, patienceMs } = this.#options;
    const first = Promise.withResolvers<void>();
    const timer = patienceMs === undefined ? undefined : clock.schedule(patienceMs, first.resolve);
    void this.#run(first.resolve);
    await first.promise;
    timer?.cancel();
  }

  connected(): boolean {
    return this.#current !== undefined;
  }

  /**
   * The session of now.
   *
   * @throws GatewayError at once while there is none: UNAVAILABLE, or FAILED_PRECONDITION with
   * what the server objects to.
   */
  session(): NatsSession {
    if (this.#ended.signal.aborted) throw busClosed();
    if (this.#current !== undefined) return this.#current;
    if (this.#problem?.reason === "FAILED_PRECONDITION") throw this.#problem;
    const message = this.#problem?.message ?? "the connection was lost";
    throw new GatewayError("UNAVAILABLE", `the bus is not connected: ${message}`, {
      source: "gateway",
    });
  }

  /** The session of now or the next one; rejects when the signal aborts. */
  async wait(signal: AbortSignal): Promise<NatsSession> {
    signal.throwIfAborted();
    if (this.#current !== undefined) return this.#current;
    const next = Promise.withResolvers<NatsSession>();
    const onAbort = (): void => next.reject(signal.reason);
    this.#waiting.add(next.resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await next.promise;
    } finally {
      this.#waiting.delete(next.resolve);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Sends what is buffered, unless the server is slow to take it, and ends. */
  async close(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    const session = this.#current;
    this.#current = undefined;
    if (session === undefined) return;
    const late = new AbortController();
    const timeout = sleep(this.#options.clock, closeTimeoutMs, late.signal).catch(() => {});
    await Promise.race([session.connection.flush().catch(() => {}), timeout]);
    late.abort();
    await endNatsSession(session);
  }

  async #run(onFirst: () => void): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#ended;
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      const session = await this.#open();
      onFirst();
      if (session !== undefined) {
        retryMs = firstRetryMs;
        await over(session);
        this.#current = undefined;
        this.#problem = undefined;
        if (!signal.aborted) logger.warn("bus connection lost, reconnecting");
      }
      // Spread, or a fleet would come back to a server that has just started in one instant.
      await sleep(clock, retryMs * (0.5 + Math.random()), signal).catch(() => {});
      if (session === undefined) retryMs = Math.min(2 * retryMs, longestRetryMs);
    }
  }

  async #open(): Promise<NatsSession | undefined> {
    const { open, prepare, logger } = this.#options;
    try {
      const session = await open(this.#siblings);
      if (session.siblings.length > 0) this.#siblings = session.siblings;
      await prepare(session);
      if (this.#ended.signal.aborted || session.over.aborted) {
        await endNatsSession(session);
        return undefined;
      }
      this.#problem = undefined;
      this.#said = "";
      this.#current = session;
      logger.info("bus connected", { server: session.connection.info?.server_name });
      for (const resolve of this.#waiting) resolve(session);
      this.#options.onConnected();
      return session;
    } catch (error) {
      this.#note(error);
      return undefined;
    }
  }

  /** Says every problem once, and the same one again from time to time. */
  #note(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const options = { source: "gateway", cause: error } as const;
    this.#problem =
      error instanceof GatewayError ? error : new GatewayError("UNAVAILABLE", text, options);
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#ended.signal.aborted) return;
    if (text === this.#said && nowMs - this.#saidMs < sayAgainMs) return;
    this.#said = text;
    this.#saidMs = nowMs;
    this.#options.logger.warn("the bus cannot be reached, trying again", { problem: text });
  }
}

function over(session: NatsSession): Promise<void> {
  if (session.over.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    session.over.addEventListener("abort", () => resolve(), { once: true });
  });
}
