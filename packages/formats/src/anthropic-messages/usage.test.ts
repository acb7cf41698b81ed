import { describe, expect, it } from "vitest";
import { counts } from "../conformance/read-outcome.fixture.ts";
import { readUsage, writeUsage } from "./usage.ts";

// Written from platform.claude.com/docs/en/build-with-claude/compaction, "Understanding usage".
const compacted = {
  input_tokens: 23_000,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 1_000,
  iterations: [
    {
      type: "compaction",
      input_tokens: 60_000,
      cache_read_input_tokens: 120_000,
      cache_creation_input_tokens: 500,
      cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 300 },
      output_tokens: 3_500,
    },
    { type: "message", input_tokens: 23_000, output_tokens: 1_000 },
  ],
};

describe("usage of an answer whose conversation was summed up", () => {
  it("counts the summary, which is billed and stands in no other count", () => {
    const { usage, raw, warnings } = readUsage(compacted);
    expect(warnings).toEqual([]);
    expect(counts(usage)).toEqual({
      inputTokens: "203500",
      cacheReadInputTokens: "120000",
      cacheWriteInputTokens: "500",
      cacheWrite1hInputTokens: "300",
      outputTokens: "4500",
    });
    // A caller who sums the iterations up must not count anything twice.
    const written = writeUsage(usage, raw);
    expect(written).toMatchObject(compacted);
    expect(counts(readUsage(written).usage)).toEqual(counts(usage));
  });

  it("counts no other iteration again, and refuses what can't be believed", () => {
    const tried = [
      ...compacted.iterations,
      { type: "fallback", input_tokens: 9, output_tokens: 9 },
    ];
    expect(readUsage({ ...compacted, iterations: tried }).usage?.outputTokens).toBe(4_500n);
    const odd = { ...compacted, iterations: [{ type: "compaction", output_tokens: -1 }] };
    expect(readUsage(odd)).toEqual({
      usage: undefined,
      raw: undefined,
      warnings: ["usage_refused: output_tokens"],
    });
  });
});
