import { openaiChat } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { automaticPrefixes, PromptCache } from "./prompt-cache.ts";
import { receiveMessages } from "./received-messages.ts";

function prefixesOf(...texts: string[]) {
  const messages = texts.map((content) => ({ role: "user", content }));
  const body = Buffer.from(JSON.stringify({ model: "m", messages }));
  const { request } = openaiChat.readRequest(body);
  return automaticPrefixes(request.messages, receiveMessages(request.messages).inputTokens);
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
