import type { HeaderGetter } from "@penstock/formats";
import type { MonotonicMs } from "@penstock/limits";
import { findProvider, readRateLimits } from "@penstock/providers";
import type { LimitHeaders, ProviderLimits, RateLimitHeaders } from "@penstock/providers";

/**
 * A provider tells when a limit is whole again, and may have room for one request long before: its
 * target is asked last for no longer than this. Unit: milliseconds.
 */
const longestUsedUpMs = 60_000;

/** What a provider tells in its answers about the limits of one target. */
export class ToldLimits {
  /** Until when a limit has nothing left, as far as was told. */
  usedUpUntil: number = -Infinity;
  readonly #names: RateLimitHeaders;
  readonly #limits: readonly LimitHeaders[];
  /** Newest amounts by the name of their header, as they came. */
  readonly #amounts = new Map<string, string | undefined>();

  private constructor(names: RateLimitHeaders) {
    this.#names = names;
    this.#limits = [names.requests, names.tokens].filter((one) => one !== undefined);
  }

  /** Undefined where the kind of provider is not known to tell of limits. */
  static of(kind: string): ToldLimits | undefined {
    const names = findProvider(kind)?.rateLimits;
    return names === undefined ? undefined : new ToldLimits(names);
  }

  /** Takes what the head of an answer says; one that says nothing changes nothing. */
  hear(header: HeaderGetter, now: MonotonicMs): void {
    let heard = false;
    let usedUp = false;
    for (const { limit, remaining } of this.#limits) {
      const left = header(remaining);
      if (left === undefined) continue;
      heard = true;
      usedUp ||= left === "0";
      this.#amounts.set(remaining, left);
      this.#amounts.set(limit, header(limit));
    }
    if (!heard) return;
    this.usedUpUntil = usedUp ? now + usedUpMs(readRateLimits(header, this.#names)) : -Infinity;
  }

  /** The newest amounts; without times, as those were told for another moment. */
  get amounts(): ProviderLimits {
    return readRateLimits((name) => this.#amounts.get(name), this.#names);
  }
}

/** How long the limits that have nothing left take; one without a time is not waited for. */
function usedUpMs({ requests, tokens }: ProviderLimits): number {
  let longestMs = 0;
  for (const limit of [requests, tokens]) {
    if (limit?.remaining === 0) longestMs = Math.max(longestMs, limit.resetMs ?? 0);
  }
  return Math.min(longestMs, longestUsedUpMs);
}
