import { describe, expect, it } from "vitest";
import { shapeOf } from "./plain-delta.ts";

const text = "response.output_text.delta";

// With a pad, as in platform.openai.com/docs/api-reference/responses-streaming.
function event(type: string, own: Record<string, unknown> = {}): Record<string, unknown> {
  const place = { item_id: "i", output_index: 0, content_index: 0 };
  return { type, sequence_number: 4, ...place, delta: "a", logprobs: [], obfuscation: "x", ...own };
}

describe("the shape of an event", () => {
  it.each([
    text,
    "response.refusal.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.delta",
    "response.function_call_arguments.delta",
  ])("%s is that of the next one, whatever its number and pad", (type) => {
    const fields = event(type);
    const shape = shapeOf(type, fields, JSON.stringify(fields));
    expect(shape?.meaning.type).toBe(type);
    const next = event(type, { sequence_number: 1_005, delta: '“b”\n"', obfuscation: "y7Zq" });
    const framed = `event: ${type}\ndata: ${JSON.stringify(next)}\n\n`;
    expect(shape?.match(framed, 0)).toBe(true);
    expect(shape?.valueIn(framed)).toBe('“b”\n"');
    expect(shape?.match(framed.replace('"output_index":0', '"output_index":1'), 0)).toBe(false);
  });

  it.each([
    ["one by another name", "", event(text)],
    ["one with probabilities", text, event(text, { logprobs: [{}] })],
    ["one that only this format knows", "response.audio.delta", event("response.audio.delta")],
    ["one without a text", text, event(text, { delta: { a: 1 } })],
  ])("is none for %s", (_name, name, fields) => {
    expect(shapeOf(name, fields, JSON.stringify(fields))).toBeUndefined();
  });
});
