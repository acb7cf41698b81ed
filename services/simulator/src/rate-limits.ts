/** A limit of a simulated model and how much of it is left. */
export interface RateLimit {
  readonly unit: "requests" | "tokens";
  /** Amount per minute. */
  readonly limit: number;
  readonly remaining: number;
  /** When all of it is there again. Wall time in milliseconds. */
  readonly resetTimeMs: number;
}

interface Window {
  readonly startMs: number;
  requests: number;
  tokens: number;
}

const windowMs = 60_000;
/** Windows remembered; the oldest are forgotten first. */
const maximumWindows = 10_000;

/** Limits per minute of a model; undefined: none. */
export interface MinuteLimits {
  readonly requestsPerMinute?: number | undefined;
  readonly tokensPerMinute?: number | undefined;
}

/** What became of a request. */
interface Taken {
  readonly admitted: boolean;
  readonly limits: readonly RateLimit[];
  readonly waitMs: number | undefined;
}

/** Counts requests and tokens of each model in windows of a minute, the first call begins one. */
export class RateLimits {
  readonly #windows = new Map<string, Window>();

  /**
   * Takes one request of `tokens` where it fits. `limits` are as they are afterwards, none where
   * the model has none; `waitMs` is until there is room again, undefined where there is.
   */
  take(
    name: string,
    { requestsPerMinute, tokensPerMinute }: MinuteLimits,
    tokens: number,
    wallMs: number,
  ): Taken {
    if (requestsPerMinute === undefined && tokensPerMinute === undefined) {
      return { admitted: true, limits: [], waitMs: undefined };
    }
    const window = this.#windowOf(name, wallMs);
    const admitted =
      window.requests < (requestsPerMinute ?? Infinity) &&
      window.tokens + tokens <= (tokensPerMinute ?? Infinity);
    if (admitted) {
      window.requests += 1;
      window.tokens += tokens;
    }
    const limits: RateLimit[] = [];
    const tell = (unit: RateLimit["unit"], limit: number | undefined): void => {
      if (limit === undefined) return;
      const remaining = Math.max(0, limit - window[unit]);
      limits.push({ unit, limit, remaining, resetTimeMs: window.startMs + windowMs });
    };
    tell("requests", requestsPerMinute);
    tell("tokens", tokensPerMinute);
    const waitMs = admitted ? undefined : window.startMs + windowMs - wallMs;
    return { admitted, limits, waitMs };
  }

  #windowOf(name: string, wallMs: number): Window {
    const found = this.#windows.get(name);
    if (found !== undefined && wallMs < found.startMs + windowMs) return found;
    const window = { startMs: wallMs, requests: 0, tokens: 0 };
    this.#windows.delete(name);
    this.#windows.set(name, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > maximumWindows && oldest !== undefined) this.#windows.delete(oldest);
    return window;
  }
}
