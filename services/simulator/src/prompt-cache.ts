import type { Message } from "@penstock/api";
import { receiveMessages } from "./received-messages.ts";

/** A beginning of a conversation that a vendor may keep. */
export interface PromptPrefix {
  readonly sha256: string;
  readonly tokens: number;
}

/** What a request found in the cache and left there. Unit: tokens. */
export interface CacheUse {
  readonly readTokens: number;
  readonly writtenTokens: number;
}

/** How long an unused prefix is kept: five minutes, as the vendors document. */
const lifetimeMs = 300_000;
/** Prefixes remembered; those unused for longest are forgotten first. */
const maximumPrefixes = 10_000;
/** Below so many tokens a vendor that caches on its own keeps nothing. */
const leastTokens = 1_024;

/** The prompt caches of all simulated models. */
export class PromptCache {
  readonly #usedMs = new Map<string, number>();

  /** Reads the longest of the prefixes that is kept, and keeps all; `nowMs` is monotonic. */
  use(model: string, prefixes: readonly PromptPrefix[], nowMs: number): CacheUse {
    let readTokens = 0;
    let longest = 0;
    for (const { sha256, tokens } of prefixes) {
      const key = `${model}\n${sha256}`;
      const used = this.#usedMs.get(key);
      if (used !== undefined && nowMs - used < lifetimeMs)
        readTokens = Math.max(readTokens, tokens);
      longest = Math.max(longest, tokens);
      this.#usedMs.delete(key);
      this.#usedMs.set(key, nowMs);
    }
    while (this.#usedMs.size > maximumPrefixes) {
      const [oldest = ""] = this.#usedMs.keys();
      this.#usedMs.delete(oldest);
    }
    return { readTokens, writtenTokens: longest - readTokens };
  }
}

/**
 * Prefixes that a vendor keeps without being asked to: each turn's end from 1,024 tokens on. `all`
 * are the tokens of the whole conversation.
 */
export function automaticPrefixes(messages: readonly Message[], all: number): PromptPrefix[] {
  const prefixes: PromptPrefix[] = [];
  if (all < leastTokens) return prefixes;
  for (let end = 1; end <= messages.length; end += 1) {
    const prefix = messages.slice(0, end);
    const { inputTokens, sha256 } = receiveMessages(prefix);
    if (inputTokens >= leastTokens) prefixes.push({ sha256, tokens: inputTokens });
  }
  return prefixes;
}

/** Prefixes that the caller marked: up to and with each part that has a marker. */
export function markedPrefixes(messages: readonly Message[]): PromptPrefix[] {
  return messages.flatMap((message, at) =>
    message.parts.flatMap(({ cacheMarker }, part) => {
      if (cacheMarker === undefined) return [];
      const last = { ...message, parts: message.parts.slice(0, part + 1) };
      const { inputTokens, sha256 } = receiveMessages([...messages.slice(0, at), last]);
      return [{ sha256, tokens: inputTokens }];
    }),
  );
}
