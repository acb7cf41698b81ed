import { redactMessage } from "@penstock/formats";
import type { Logger } from "@penstock/observability";
import { deadlineSignal } from "@penstock/runtime";
import type { Clock, Secret, Timer } from "@penstock/runtime";
import { splitReference } from "./cloud-identity.ts";
import type { CloudIdentity, ExpiringSecret } from "./cloud-identity.ts";

/** How long before its end a secret is replaced: clouds hand out a new one by then. */
const aheadMs = 300_000;
/** Shortest pause after a success; a metadata service repeats its own until that is nearly over. */
const shortestPauseMs = 30_000;
/** How long one call may take, with all steps of a chain. */
const obtainTimeoutMs = 15_000;
/** No secret is kept longer, whatever the cloud says of its end. */
const longestLifeMs = 86_400_000;
/** Pauses after failures: 1, 2, 4 … 60 s. */
const [firstRetryMs, longestRetryMs] = [1_000, 60_000];

interface Held {
  readonly reference: string;
  readonly identity: CloudIdentity;
  readonly argument: string;
  readonly abort: AbortController;
  token: ExpiringSecret | undefined;
  failures: number;
  /** Of the last try, free of secrets. */
  problem: string | undefined;
  next: Timer | undefined;
  end: Timer | undefined;
}

/** What tokens are kept with. */
export interface IdentityTokensOptions {
  readonly identities: readonly CloudIdentity[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The secrets that clouds gave, by credential reference. No request waits for one: the first is
 * obtained as soon as the configuration names the reference, the next ones before theirs expires.
 */
export class IdentityTokens {
  readonly #options: IdentityTokensOptions;
  readonly #held = new Map<string, Held>();
  #version = 0;

  constructor(options: IdentityTokensOptions) {
    this.#options = options;
  }

  /** Grows whenever a secret came, changed or expired. */
  get version(): number {
    return this.#version;
  }

  /** Whether a cloud answers references of this scheme. */
  answers(reference: string): boolean {
    return this.#identityOf(reference) !== undefined;
  }

  /** The secret as it is now; undefined while there is none. The first call begins to obtain it. */
  resolve(reference: string): Secret | undefined {
    const held = this.#held.get(reference) ?? this.#hold(reference);
    return held?.token?.secret;
  }

  /** Why there is no secret now, as the end of a sentence; undefined when there is one. */
  problemOf(reference: string): string | undefined {
    if (this.resolve(reference) !== undefined) return undefined;
    const problem = this.#held.get(reference)?.problem;
    return problem === undefined ? "was not answered yet" : `was refused by its cloud: ${problem}`;
  }

  /** Forgets all but these references, and begins to obtain those that are new. */
  retain(references: Iterable<string>): void {
    const wanted = new Set(references);
    for (const held of this.#held.values()) {
      if (!wanted.has(held.reference)) this.#drop(held);
    }
    for (const reference of wanted) this.resolve(reference);
  }

  /** Nothing is obtained any more. */
  stop(): void {
    for (const held of this.#held.values()) this.#drop(held);
  }

  #identityOf(reference: string): CloudIdentity | undefined {
    const { scheme } = splitReference(reference);
    return this.#options.identities.find((one) => one.scheme === scheme);
  }

  #hold(reference: string): Held | undefined {
    const identity = this.#identityOf(reference);
    if (identity === undefined) return undefined;
    const held: Held = {
      reference,
      identity,
      argument: splitReference(reference).argument,
      abort: new AbortController(),
      token: undefined,
      failures: 0,
      problem: undefined,
      next: undefined,
      end: undefined,
    };
    this.#held.set(reference, held);
    void this.#obtain(held);
    return held;
  }

  #drop(held: Held): void {
    this.#held.delete(held.reference);
    held.next?.cancel();
    held.end?.cancel();
    held.abort.abort();
  }

  /** Never rejects. */
  async #obtain(held: Held): Promise<void> {
    const { identity, argument, abort } = held;
    let pauseMs: number;
    try {
      const token = await identity.obtain(argument, deadlineSignal(obtainTimeoutMs, abort.signal));
      if (abort.signal.aborted) return;
      pauseMs = this.#take(held, token);
    } catch (error) {
      if (abort.signal.aborted) return;
      pauseMs = this.#failed(held, error);
    }
    held.next = this.#options.clock.schedule(pauseMs, () => void this.#obtain(held));
  }

  /** Keeps a secret, and says when to ask for the next one. */
  #take(held: Held, token: ExpiringSecret): number {
    const toldMs = token.expireTimeMs - this.#options.clock.wallMs();
    const leftMs = Math.min(toldMs, longestLifeMs);
    if (!(leftMs > 0)) throw new Error("the secret it gave has expired already");
    if (held.failures > 0) {
      this.#options.logger.info("a cloud's identity works again", this.#fields(held));
    }
    held.failures = 0;
    held.problem = undefined;
    if (held.token?.secret.reveal() !== token.secret.reveal()) this.#version += 1;
    held.token = token;
    held.end?.cancel();
    held.end = this.#options.clock.schedule(leftMs, () => this.#expired(held, token));
    return Math.max(leftMs - aheadMs, Math.min(shortestPauseMs, leftMs / 2));
  }

  #expired(held: Held, token: ExpiringSecret): void {
    if (held.token !== token) return;
    held.token = undefined;
    this.#version += 1;
    this.#options.logger.error("a cloud's identity has expired: its providers can't be called", {
      ...this.#fields(held),
    });
  }

  #failed(held: Held, error: unknown): number {
    held.failures += 1;
    const problem = redactMessage(error instanceof Error ? error.message : String(error));
    held.problem = problem;
    const fields = { ...this.#fields(held), failures: held.failures, problem };
    const { logger } = this.#options;
    if (held.token === undefined) {
      logger.warn("a provider's credential is missing: its cloud gave no identity", fields);
    } else logger.warn("a cloud's identity can't be renewed; the last one is used", fields);
    return Math.min(firstRetryMs * 2 ** (held.failures - 1), longestRetryMs);
  }

  #fields({ reference, identity, token }: Held): Record<string, unknown> {
    const expires = token && new Date(token.expireTimeMs).toISOString();
    return { credential_reference: reference, cloud: identity.displayName, expire_time: expires };
  }
}
