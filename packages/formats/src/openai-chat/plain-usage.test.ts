import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonWalker } from "../json-walker.ts";
import { readPlainUsage } from "./plain-usage.ts";
import { newCounts, readUsage, usageOf } from "./usage.ts";

/** Usage and warnings; undefined where the text is left to a parser. */
function read(text: string): { usage: unknown; warnings: string[] } | undefined {
  const counts = newCounts();
  const walker = new JsonWalker(text, new TextEncoder().encode(text));
  if (readPlainUsage(walker, 0, counts) !== text.length) return undefined;
  const warnings: string[] = [];
  return { usage: usageOf(counts, warnings), warnings };
}

function parsed(text: string): ReturnType<typeof read> {
  const { usage, warnings } = readUsage(JSON.parse(text));
  return { usage, warnings };
}

const documented = {
  prompt_tokens: 57,
  completion_tokens: 141,
  total_tokens: 198,
  prompt_tokens_details: { cached_tokens: 12, audio_tokens: 3, cache_write_tokens: 1 },
  completion_tokens_details: {
    reasoning_tokens: 7,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
};

describe("usage read right from the text", () => {
  it.each([
    documented,
    { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: null },
    { prompt_tokens: 9, completion_tokens: 2, prompt_cache_hit_tokens: 5, cached_tokens: 3 },
    { prompt_tokens: 9, cached_tokens: 3, cache_creation_input_tokens: 4 },
    { completion_tokens: 2, reasoning_tokens: null, total_tokens: 99_999_999 },
    { prompt_tokens: 1, prompt_tokens_details: {}, prompt_tokens_info: 3 },
  ])("is that of the parsed object: %j", (usage) => {
    for (const space of [0, 1]) {
      const text = JSON.stringify(usage, null, space);
      expect(read(text)).toBeDefined();
      expect(read(text)).toEqual(parsed(text));
    }
  });

  it("is that of the parsed object, or none, for whatever comes", () => {
    const value = fc.oneof(
      { weight: 5, arbitrary: fc.nat(60) },
      fc.constantFrom(null, -0, -1, 1.5, 2 ** 53 - 1, 2 ** 53, 1e21, "3", true, [], {}),
    );
    const keys =
      "prompt_tokens completion_tokens total_tokens cached_tokens num_sources " +
      "prompt_cache_hit_tokens cache_creation_input_tokens";
    const inner =
      "cached_tokens cache_write_tokens audio_tokens image_tokens reasoning_tokens".split(" ");
    const member = (names: string[]) =>
      fc.tuple(
        fc.constantFrom(...names),
        value.map((one) => JSON.stringify(one)),
      );
    const objectOf = (members: fc.Arbitrary<[string, string]>) =>
      fc
        .array(members, { maxLength: 8 })
        .map((list) => `{${list.map(([name, text]) => `"${name}":${text}`).join(",")}}`);
    const details = fc.tuple(
      fc.constantFrom("prompt_tokens_details", "completion_tokens_details"),
      fc.oneof({ weight: 5, arbitrary: objectOf(member(inner)) }, fc.constantFrom("null", "3")),
    );
    let plain = 0;
    fc.assert(
      fc.property(objectOf(fc.oneof(member(keys.split(" ")), details)), (text) => {
        const found = read(text);
        if (found === undefined) return;
        plain += 1;
        expect(found).toEqual(parsed(text));
      }),
      { numRuns: 2_000 },
    );
    expect(plain).toBeGreaterThan(100);
  });

  it.each([
    "",
    "{",
    "[]",
    '{"prompt_tokens":01}',
    '{"prompt_tokens":1.0}',
    '{"prompt_tokens":1e1}',
    '{"prompt_tokens":-1}',
    '{"prompt_tokens":1000000000000000}',
    '{"prompt_tokens":nul}',
    '{"prompt_tokens":1,}',
    '{"prompt_tok\\u0065ns":1}',
    '{"prompt_tokens_details":{"cached_tokens":1},"prompt_tokens_details":{}}',
    '{"cost":0.1}',
    '{"cost_details":{"a":1}}',
  ])("is left to a parser: %s", (text) => {
    expect(read(text)).toBeUndefined();
  });
});
