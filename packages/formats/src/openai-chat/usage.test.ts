import { describe, expect, it } from "vitest";
import { readUsage, writeUsage } from "./usage.ts";

describe("readUsage", () => {
  it.each<[unknown, string]>([
    [{ prompt_tokens: -1, completion_tokens: 2 }, "usage_refused: prompt_tokens"],
    [{ prompt_tokens: 1, completion_tokens: "2" }, "usage_refused: completion_tokens"],
    [{ prompt_tokens: 2 ** 53, completion_tokens: 2 }, "usage_refused: prompt_tokens"],
    [{ prompt_tokens: 1e15, completion_tokens: 2 }, "usage_refused: prompt_tokens"],
    [{ prompt_tokens: 2, completion_tokens: 100_000_001 }, "usage_refused: completion_tokens"],
    [{ prompt_tokens: 1.5, completion_tokens: 2 }, "usage_refused: prompt_tokens"],
    [
      { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: -1 } },
      "usage_refused: cached_tokens",
    ],
    [[1], "usage_refused: not an object"],
    ["many", "usage_refused: not an object"],
  ])("refuses %j and says so", (value, warning) => {
    expect(readUsage(value)).toEqual({ usage: undefined, raw: undefined, warnings: [warning] });
  });

  it("leaves out a detail that is larger than its whole, since money depends on it", () => {
    const read = readUsage({
      prompt_tokens: 5,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 6 },
    });
    expect(read.usage).toMatchObject({ inputTokens: 5n, cacheReadInputTokens: undefined });
    expect(read.warnings).toEqual(["usage_detail_refused: cached_tokens"]);
  });

  it("tells what was written to the cache, which has a price of its own", () => {
    const read = (cached: number, written: number) =>
      readUsage({
        prompt_tokens: 194,
        completion_tokens: 2,
        prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
      });
    expect(read(50, 100)).toMatchObject({
      usage: { inputTokens: 194n, cacheReadInputTokens: 50n, cacheWriteInputTokens: 100n },
      warnings: [],
    });
    expect(read(100, 95)).toMatchObject({
      usage: { cacheReadInputTokens: 100n, cacheWriteInputTokens: undefined },
      warnings: ["usage_detail_refused: cache_write_tokens"],
    });
  });

  // platform.kimi.ai/docs/api/chat and docs.litellm.ai/docs/completion/prompt_caching.
  it("knows the cache by the names that other servers have for it", () => {
    const moonshot = { prompt_tokens: 19, completion_tokens: 21, cached_tokens: 10 };
    expect(readUsage(moonshot).usage).toMatchObject({ cacheReadInputTokens: 10n });
    const litellm = {
      prompt_tokens: 2_006,
      completion_tokens: 300,
      prompt_tokens_details: { cached_tokens: 920 },
      cache_creation_input_tokens: 1_000,
    };
    const { usage } = readUsage(litellm);
    expect(usage).toMatchObject({ cacheReadInputTokens: 920n, cacheWriteInputTokens: 1_000n });
    expect(writeUsage(usage!)).toMatchObject({
      prompt_tokens_details: { cached_tokens: 920, cache_write_tokens: 1_000 },
    });
  });

  it("adds reasoning that a server counts beside the completion", () => {
    const details = { completion_tokens_details: { reasoning_tokens: 7 } };
    const beside = readUsage({
      prompt_tokens: 1,
      completion_tokens: 2,
      total_tokens: 10,
      ...details,
    });
    expect(beside.usage?.outputTokens).toBe(9n);
    const within = readUsage({
      prompt_tokens: 1,
      completion_tokens: 8,
      total_tokens: 9,
      ...details,
    });
    expect(within.usage?.outputTokens).toBe(8n);
  });

  it("says nothing where nothing was said", () => {
    for (const value of [undefined, null, {}]) expect(readUsage(value).usage).toBeUndefined();
  });
});
