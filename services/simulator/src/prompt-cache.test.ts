import { openaiChat } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { automaticPrefixes, markedPrefixes, PromptCache } from "./prompt-cache.ts";
import { receiveMessages } from "./received-messages.ts";

function messagesOf(texts: readonly string[]) {
  const messages = texts.map((content) => ({ role: "user", content }));
  return openaiChat.readRequest(Buffer.from(JSON.stringify({ model: "m", messages }))).request
    .messages;
}

function prefixesOf(...texts: string[]) {
  const messages = messagesOf(texts);
  return automaticPrefixes(messages, receiveMessages(messages).inputTokens);
}

describe("PromptCache", () => {
  const short = { sha256: "a", tokens: 10 };
  const long = { sha256: "b", tokens: 25 };

  it("reads the longest prefix that it kept, for five minutes after its last use", () => {
    const cache = new PromptCache();
    expect(cache.use("m", [short], 0)).toEqual({ readTokens: 0, writtenTokens: 10 });
    expect(cache.use("m", [short, long], 200_000)).toEqual({ readTokens: 10, writtenTokens: 15 });
    expect(cache.use("m", [short, long], 499_999)).toEqual({ readTokens: 25, writtenTokens: 0 });
    expect(cache.use("other", [short], 499_999)).toEqual({ readTokens: 0, writtenTokens: 10 });
    expect(cache.use("m", [long], 799_999)).toEqual({ readTokens: 0, writtenTokens: 25 });
  });

  it("forgets those unused for longest when it is full", () => {
    const cache = new PromptCache();
    cache.use("m", [short], 0);
    for (let at = 0; at < 10_000; at += 1) cache.use("m", [{ sha256: `x${at}`, tokens: 1 }], 1);
    expect(cache.use("m", [short], 2).readTokens).toBe(0);
    expect(cache.use("m", [{ sha256: "x9999", tokens: 1 }], 2).readTokens).toBe(1);
  });
});

describe("automaticPrefixes", () => {
  it("keeps every turn's end from 1,024 tokens on", () => {
    const thousand = "word ".repeat(1_021);
    expect(prefixesOf("hello")).toEqual([]);
    const [first, second] = prefixesOf(thousand, "more");
    expect([first?.tokens, second?.tokens]).toEqual([1_024, 1_028]);
    expect(prefixesOf(thousand, "else")[0]).toEqual(first);
    expect(prefixesOf(thousand, "else")[1]).not.toEqual(second);
  });
});

describe("markedPrefixes", () => {
  it("ends a prefix at each marked part", () => {
    const messages = messagesOf(["one two", "three"]);
    expect(markedPrefixes(messages)).toEqual([]);
    const cacheMarker = { $typeName: "penstock.inference.v1.CacheMarker" } as const;
    const [part] = messages[0]?.parts ?? [];
    if (part !== undefined) part.cacheMarker = cacheMarker;
    expect(markedPrefixes(messages)).toMatchObject([{ tokens: 5 }]);
    const [other] = messages[1]?.parts ?? [];
    if (other !== undefined) other.cacheMarker = cacheMarker;
    expect(markedPrefixes(messages).map(({ tokens }) => tokens)).toEqual([5, 9]);
    expect(markedPrefixes(messages)[0]).toEqual(markedPrefixes(messages.slice(0, 1))[0]);
  });
});
