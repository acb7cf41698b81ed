/** Who served a conversation last. */
export interface Served {
  /** Resource names. */
  readonly deployment: string;
  readonly provider: string;
  /** Tokens that its provider read from, or wrote into, a prompt cache. */
  readonly cachedTokens: number;
  /** Monotonic. */
  readonly untilMs: number;
}

/**
 * Who served what last, as long as the provider's cache lives: the newest 10,000, the one that was
 * asked for longest ago is forgotten first. One per router process, as a guess that costs money
 * when it is wrong and nothing else.
 */
export class AffinityBook {
  readonly #served = new Map<string, Served>();
  readonly #capacity: number;

  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  /** Undefined: nobody, or too long ago. */
  find(key: string, now: number): Served | undefined {
    const found = this.#served.get(key);
    if (found === undefined) return undefined;
    this.#served.delete(key);
    if (found.untilMs <= now) return undefined;
    this.#served.set(key, found);
    return found;
  }

  note(key: string, served: Served): void {
    this.#served.delete(key);
    if (this.#served.size >= this.#capacity) {
      const [oldest] = this.#served.keys();
      if (oldest !== undefined) this.#served.delete(oldest);
    }
    this.#served.set(key, served);
  }

  get size(): number {
    return this.#served.size;
  }
}
