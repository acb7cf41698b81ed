import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import { sleep } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import { apiCode, apiCodeOf, busError, deniedSubject, isMissing } from "./nats-errors.ts";
import type { NatsSession } from "./nats-session.ts";
import { compareStream } from "./nats-topology.ts";
import type { WantedStream } from "./nats-topology.ts";

/** What keeping the stores needs. */
export interface NatsStoresOptions {
  readonly wanted: readonly WantedStream[];
  /** Told when something had to be created, or another one seems to have created it. */
  onCreated(): void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a new session is kept back for its streams; the rest goes on behind its back. */
const prepareTimeoutMs = 4_000;
/** The same after the first time: they were there, and all that is in use looks after its own. */
const prepareAgainTimeoutMs = 500;
const firstRetryMs = 500;
const longestRetryMs = 10_000;
const restoreEveryMs = 1_000;
/** How long what another process owns may be missing: services of one start come within this. */
const ownerPatienceMs = 5_000;
const ownerLookMs = 100;

/** The stream is missing, and its owner is given the time to make it. */
class LeftToOwner extends Error {}

/**
 * Sees to it that the streams and buckets exist with the limits of this build: on every new
 * session, as a server may have come back with an empty store, and whenever one is missed. Who may
 * not create (permissions of the server) waits for the service that may. What another process owns
 * is left to it while it may be about to come.
 */
export class NatsStores {
  readonly #options: NatsStoresOptions;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #restoredMs = new Map<string, number>();
  readonly #said = new Map<string, string>();
  /** Since when streams of others are missing. */
  readonly #missingSinceMs = new Map<string, number>();
  #session: NatsSession | undefined;
  #isFirst = true;

  constructor(options: NatsStoresOptions) {
    this.#options = options;
  }

  /** Looks after everything, for as long as the session lives; resolves soon in any case. */
  async prepare(session: NatsSession): Promise<void> {
    this.#session = session;
    const all = this.#options.wanted.map((wanted) => this.#keepTrying(session, wanted));
    const late = new AbortController();
    const { clock } = this.#options;
    const timeoutMs = this.#isFirst ? prepareTimeoutMs : prepareAgainTimeoutMs;
    this.#isFirst = false;
    const timeout = sleep(clock, timeoutMs, late.signal).catch(() => {});
    await Promise.race([Promise.all(all), timeout]);
    late.abort();
  }

  /** A watch found that its stream has not simply gone on: others may have to know. */
  suspectLoss(): void {
    this.#options.onCreated();
  }

  /** Makes a stream again that was missed; false when that did not succeed. Never throws. */
  async restore(name: string): Promise<boolean> {
    const wanted = this.#options.wanted.find((stream) => stream.name === name);
    const session = this.#session;
    if (wanted === undefined || session === undefined || session.over.aborted) return false;
    const nowMs = this.#options.clock.monotonicMs();
    const lastMs = this.#restoredMs.get(name) ?? Number.NEGATIVE_INFINITY;
    const running = this.#running.get(name);
    if (running !== undefined) return await running;
    if (nowMs - lastMs < restoreEveryMs) return false;
    this.#restoredMs.set(name, nowMs);
    return await this.#attempt(session, wanted);
  }

  /** Resolves after the first attempt, or when an owner has come; goes on by itself otherwise. */
  async #keepTrying(session: NatsSession, wanted: WantedStream): Promise<void> {
    if (await this.#attempt(session, wanted)) return;
    const trying = this.#retry(session, wanted);
    // A watch of what its owner is about to make would begin with trouble.
    if (this.#isAwaited(wanted.name)) await trying;
  }

  async #retry(session: NatsSession, wanted: WantedStream): Promise<void> {
    for (let pauseMs = firstRetryMs; !session.over.aborted;) {
      const isAwaited = this.#isAwaited(wanted.name);
      const durationMs = (isAwaited ? ownerLookMs : pauseMs) * (0.5 + Math.random());
      await sleep(this.#options.clock, durationMs, session.over).catch(() => {});
      if (session.over.aborted || (await this.#attempt(session, wanted))) return;
      pauseMs = Math.min(2 * pauseMs, longestRetryMs);
    }
  }

  /** One attempt at a time for each stream. */
  #attempt(session: NatsSession, wanted: WantedStream): Promise<boolean> {
    const { name } = wanted;
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const attempt = this.#ensure(session, wanted)
      .then(
        () => this.#said.delete(name) || true,
        (error: unknown) => this.#failed(session, wanted, error),
      )
      .finally(() => this.#running.delete(name));
    this.#running.set(name, attempt);
    return attempt;
  }

  #failed(session: NatsSession, { name }: WantedStream, cause: unknown): false {
    const error = cause instanceof LeftToOwner ? cause : busError(`provide stream ${name}`, cause);
    if (session.over.aborted || this.#said.get(name) === error.message) return false;
    this.#said.set(name, error.message);
    if (error instanceof LeftToOwner) {
      this.#options.logger.info("a stream is missing that another role makes", { stream: name });
      return false;
    }
    const isOwners = deniedSubject(cause) !== undefined;
    const level = error.reason === "FAILED_PRECONDITION" && !isOwners ? "error" : "warn";
    this.#options.logger[level]("the bus lacks something, trying again", {
      stream: name,
      problem: error.message,
      cause: cause instanceof GatewayError ? undefined : cause,
    });
    return false;
  }

  async #ensure(session: NatsSession, wanted: WantedStream): Promise<void> {
    const { manager } = session;
    const info = await manager.streams.info(wanted.name).catch((error: unknown) => {
      if (apiCodeOf(error) === apiCode.streamNotFound) return undefined;
      throw error;
    });
    if (!wanted.owned && !this.#isOverdue(wanted.name, info !== undefined)) {
      if (info === undefined) throw new LeftToOwner(`stream ${wanted.name} is missing`);
      return;
    }
    if (info === undefined) await this.#create(session, wanted);
    else {
      const replicas = session.clustered ? wanted.replicas : 1;
      const { update, kept } = compareStream(wanted, info, replicas);
      if (kept.length > 0) {
        const { logger } = this.#options;
        logger.warn("a limit is below what the stream holds and stays as it is", {
          stream: wanted.name,
          limits: kept,
        });
      }
      if (Object.keys(update).length > 0) await this.#update(session, wanted, update);
    }
    for (const consumer of wanted.consumers) {
      await this.#ensureConsumer(session, wanted.name, consumer);
    }
  }

  /** Whether a stream of another process is missing for longer than its owner needs. */
  #isOverdue(name: string, exists: boolean): boolean {
    if (exists) {
      this.#missingSinceMs.delete(name);
      return false;
    }
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.#missingSinceMs.has(name)) this.#missingSinceMs.set(name, nowMs);
    return !this.#isAwaited(name);
  }

  /** Whether the owner of a stream that is missing is still given the time to make it. */
  #isAwaited(name: string): boolean {
    const sinceMs = this.#missingSinceMs.get(name) ?? Number.NEGATIVE_INFINITY;
    return this.#options.clock.monotonicMs() - sinceMs < ownerPatienceMs;
  }

  async #ensureConsumer(
    { manager }: NatsSession,
    stream: string,
    consumer: WantedStream["consumers"][number],
  ): Promise<void> {
    try {
      await manager.consumers.add(stream, consumer);
    } catch (error) {
      // Who only publishes need not be able to: the owner of the stream makes its consumers.
      if (deniedSubject(error) === undefined) throw error;
    }
  }

  async #update(
    { manager }: NatsSession,
    { name }: WantedStream,
    update: ReturnType<typeof compareStream>["update"],
  ): Promise<void> {
    const { logger } = this.#options;
    try {
      await manager.streams.update(name, update);
      logger.info("a stream was brought up to date", { stream: name, limits: update });
    } catch (error) {
      // It serves as it is. Who may not change it leaves that to its owner.
      if (deniedSubject(error) !== undefined) return;
      if (apiCodeOf(error) === undefined) throw error;
      logger.warn("a stream keeps limits that this build would change", {
        stream: name,
        limits: update,
        cause: error,
      });
    }
  }

  async #create(session: NatsSession, wanted: WantedStream): Promise<void> {
    const { name, fixed, limits, replicas } = wanted;
    const create = async (copies: number): Promise<void> => {
      await session.manager.streams.add({ ...fixed, ...limits, name, num_replicas: copies });
      this.#options.logger.info("a stream was created", { stream: name, copies });
      this.#options.onCreated();
    };
    if (!session.clustered) return await create(1);
    try {
      await create(replicas);
    } catch (error) {
      if (!isTooFewServers(error)) throw error;
      const { logger } = this.#options;
      logger.warn("the NATS cluster has too few servers; one copy is kept", { stream: name });
      await create(1);
    }
  }
}

/** Does something that needs a stream, once more when the stream was missing and could be made. */
export async function withStream<Value>(
  stores: NatsStores,
  name: string,
  run: () => Promise<Value>,
): Promise<Value> {
  try {
    return await run();
  } catch (error) {
    if (isMissing(error) && (await stores.restore(name))) return await run();
    throw error;
  }
}

function isTooFewServers(error: unknown): boolean {
  const code = apiCodeOf(error);
  return code === apiCode.replicasNotSupported || code === apiCode.noSuitablePeers;
}
