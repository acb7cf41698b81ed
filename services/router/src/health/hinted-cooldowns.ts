import type { MonotonicMs } from "@penstock/limits";

/** A hint keeps a target out no longer than this (reliability §2.5). */
export const longestHintMs = 60_000;
/** Hints that are remembered; with more than that, new ones are not believed. */
const maximumHints = 10_000;

interface Hint {
  readonly from: number;
  until: number;
}

/**
 * What other routers were asked to leave alone. A hint is believed for a minute at most, and after
 * it none about the same thing for as long as it lasted: a router that is wrong, or was taken over,
 * keeps nothing out for more than half of the time, as each router has to see for itself between.
 */
export class HintedCooldowns {
  readonly #hints = new Map<string, Hint>();

  /** Whether anything is remembered. */
  get isEmpty(): boolean {
    return this.#hints.size === 0;
  }

  /** Takes a hint; false when it is not believed. */
  offer(key: string, untilMs: number, now: MonotonicMs): boolean {
    if (!(untilMs > now)) return false;
    const known = this.#hints.get(key);
    if (known !== undefined && now < forgottenAt(known)) {
      if (now >= known.until) return false;
      known.until = Math.max(known.until, Math.min(untilMs, known.from + longestHintMs));
      return true;
    }
    if (known === undefined && this.#hints.size >= maximumHints) this.#forgetOver(now);
    if (known === undefined && this.#hints.size >= maximumHints) return false;
    this.#hints.set(key, { from: now, until: Math.min(untilMs, now + longestHintMs) });
    return true;
  }

  /** Until when any of the keys is to be left alone; undefined: none is. */
  until(keys: readonly string[], now: MonotonicMs): MonotonicMs | undefined {
    if (this.isEmpty) return undefined;
    let latest = -Infinity;
    for (const key of keys) latest = Math.max(latest, this.#hints.get(key)?.until ?? -Infinity);
    return latest > now ? (latest as MonotonicMs) : undefined;
  }

  #forgetOver(now: MonotonicMs): void {
    for (const [key, hint] of this.#hints) {
      if (now >= forgottenAt(hint)) this.#hints.delete(key);
    }
  }
}

function forgottenAt({ from, until }: Hint): number {
  return until + (until - from);
}
