import { BlockKind } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { shapeOf } from "./plain-piece.ts";

type Fields = Record<string, unknown>;

// Chunks with a pad as OpenAI sends them (platform.openai.com/docs/api-reference/chat-streaming,
// `include_obfuscation`), and with the time of each chunk as servers of others do.
function chunk(delta: Fields, own: Fields = {}, choice: Fields = {}): Fields {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: null, ...choice }];
  return { id: "c", created: 1_700_000_000, model: "m", choices, obfuscation: "", ...own };
}

const shaped = (one: Fields) => shapeOf(JSON.stringify(one), one);
const framed = (one: Fields): string => `data: ${JSON.stringify(one)}\n\n`;

describe("the shape of a chunk", () => {
  it.each<[string, Fields, Fields, object]>([
    ["text", { content: "a" }, { content: 'b\n"“' }, { kind: BlockKind.TEXT }],
    ["a refusal", { refusal: "a" }, { refusal: "b" }, { kind: BlockKind.REFUSAL }],
    [
      "a thought",
      { content: null, reasoning_content: "a" },
      { content: null, reasoning_content: "b" },
      { kind: BlockKind.REASONING },
    ],
    [
      "arguments",
      { tool_calls: [{ index: 2, function: { arguments: '{"' } }] },
      { tool_calls: [{ index: 2, function: { arguments: 'x"}' } }] },
      { kind: BlockKind.TOOL_CALL, call: { index: 2, id: "" } },
    ],
  ])("of %s is that of the next one", (_name, delta, next, meaning) => {
    const shape = shaped(chunk(delta));
    expect(shape?.meaning).toMatchObject({ candidate: 0, ...meaning });
    const text = framed(chunk(next, { created: 1_700_000_009, obfuscation: "aX7" }));
    expect(shape?.match(text, 0)).toBe(true);
    expect(JSON.stringify(next)).toContain(JSON.stringify(shape?.valueIn(text)));
    expect(shape?.match(framed(chunk(next, { model: "n" })), 0)).toBe(false);
    expect(shape?.match(framed(chunk(next, {}, { finish_reason: "stop" })), 0)).toBe(false);
  });

  it.each<[string, Fields]>([
    ["that brings nothing", chunk({ role: "assistant", content: "" })],
    ["that brings two things", chunk({ content: "a", reasoning_content: "b" })],
    ["with a thought that is not looked at", chunk({ reasoning_content: "", reasoning: "b" })],
    ["that begins a call", chunk({ tool_calls: [{ index: 0, id: "x", function: { name: "f" } }] })],
    ["of two calls", chunk({ tool_calls: [{ index: 0 }, { index: 1 }] })],
    ["that ends the answer", chunk({ content: "a" }, {}, { finish_reason: "stop" })],
    ["with probabilities", chunk({ content: "a" }, {}, { logprobs: { content: [{}] } })],
    ["with a source", chunk({ content: "a", annotations: [{}] })],
    ["with usage", chunk({ content: "a" }, { usage: {} })],
    ["with usage in Groq's place", chunk({ content: "a" }, { x_groq: {} })],
    ["of no choice", { model: "m", choices: [] }],
    ["without a model", chunk({ content: "a" }, { model: undefined })],
  ])("is none for one %s", (_name, one) => {
    expect(shaped(one)).toBeUndefined();
  });
});
