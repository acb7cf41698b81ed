import { GatewayError, toGatewayError } from "@penstock/errors";
import type { Identity } from "@penstock/rpc";
import { hashKey } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";

/** Asks the policy service whose the token with this hash is; undefined: nobody's. */
export type AskIdentity = (sha256: Uint8Array) => Promise<Identity | undefined>;

interface Answer {
  readonly identity: Identity | undefined;
  readonly askedAtMs: number;
}

/** A void token works on here for at most this long. */
const freshMs = 30_000;
/** An unknown token is asked about again after this long. */
const unknownFreshMs = 5_000;
/** While policy can't be asked, who was known this long ago is still known. */
const staleMs = 600_000;
const mostAnswers = 1_000;
/** Strangers that try tokens must not become a load on policy. */
const mostQuestions = 32;
/** A policy that can't be asked is not asked again about a known token at once. */
const pauseMs = 1_000;

/**
 * Identities of administrators' tokens for processes without the policy service. Only hashes
 * leave the process. Answers are kept, one question per token is under way, and an unreachable
 * policy does not lock out those who were known.
 */
export class TokenIdentities {
  readonly #ask: AskIdentity;
  readonly #clock: Clock;
  readonly #answers = new Map<string, Answer>();
  readonly #questions = new Map<string, Promise<Identity | undefined>>();
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(ask: AskIdentity, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /**
   * The identity of a token; undefined for one that is not valid.
   *
   * @throws GatewayError UNAVAILABLE when it is not known here and policy can't be asked.
   */
  async authenticate(token: string): Promise<Identity | undefined> {
    const sha256 = hashKey(token);
    const key = Buffer.from(sha256).toString("base64");
    const nowMs = this.#clock.monotonicMs();
    const known = this.#answers.get(key);
    if (known !== undefined && this.#isFresh(known, nowMs)) return known.identity;
    try {
      return await this.#askOnce(key, sha256);
    } catch (thrown) {
      if (known?.identity !== undefined && nowMs - known.askedAtMs < staleMs) {
        this.#pausedUntilMs = nowMs + pauseMs;
        return known.identity;
      }
      const message = "The policy service, which knows the tokens, can't be asked now; try again.";
      const retryAfterMs = 1_000;
      const cause = toGatewayError(thrown);
      throw new GatewayError("UNAVAILABLE", message, { source: "gateway", retryAfterMs, cause });
    }
  }

  #isFresh({ identity, askedAtMs }: Answer, nowMs: number): boolean {
    const ageMs = nowMs - askedAtMs;
    if (ageMs < (identity === undefined ? unknownFreshMs : freshMs)) return true;
    return identity !== undefined && ageMs < staleMs && nowMs < this.#pausedUntilMs;
  }

  #askOnce(key: string, sha256: Uint8Array): Promise<Identity | undefined> {
    const asked = this.#questions.get(key);
    if (asked !== undefined) return asked;
    if (this.#questions.size >= mostQuestions) {
      const message = "too many unknown tokens at once";
      return Promise.reject(new GatewayError("OVERLOADED", message, { source: "gateway" }));
    }
    const question = this.#ask(sha256)
      .then((identity) => this.#keep(key, identity))
      .finally(() => this.#questions.delete(key));
    this.#questions.set(key, question);
    return question;
  }

  #keep(key: string, identity: Identity | undefined): Identity | undefined {
    // Last in the map is newest; of too many, the oldest goes.
    this.#answers.delete(key);
    this.#answers.set(key, { identity, askedAtMs: this.#clock.monotonicMs() });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > mostAnswers && oldest !== undefined) this.#answers.delete(oldest);
    return identity;
  }
}
