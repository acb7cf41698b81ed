import { BlockKind } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { bytesOf } from "../conformance/format-samples.fixture.ts";
import { readStream } from "../conformance/read-outcome.fixture.ts";
import { googleGenerateContent } from "./google-generate-content.ts";
import { shapeOf } from "./plain-text.ts";

type Fields = Record<string, unknown>;

// A chunk as the Gemini API sends it (ai.google.dev/api/generate-content#GenerateContentResponse).
function chunk(part: Fields, own: Fields = {}, candidate: Fields = {}): Fields {
  const candidates = [{ content: { parts: [part], role: "model" }, ...candidate }];
  return { candidates, modelVersion: "gemini-2.5-flash", responseId: "r", ...own };
}

const usage = (candidatesTokenCount: number, more: Fields = {}): Fields => ({
  usageMetadata: { promptTokenCount: 4, candidatesTokenCount, ...more },
});
const shaped = (one: Fields) => shapeOf(JSON.stringify(one), one);
const framed = (one: Fields): string => `data: ${JSON.stringify(one)}\n\n`;

describe("the shape of a chunk", () => {
  it.each<[string, Fields, Fields, BlockKind]>([
    ["text", { text: "a" }, { text: 'b\n"“' }, BlockKind.TEXT],
    ["a thought", { text: "a", thought: true }, { text: "b", thought: true }, BlockKind.REASONING],
  ])("of %s is that of the next one, whatever its counts", (_name, part, next, kind) => {
    const shape = shaped(chunk(part, usage(1)));
    expect(shape?.meaning).toEqual({ candidate: 0, kind, tellsUsage: true });
    const text = framed(chunk(next, usage(812)));
    expect(shape?.match(text, 0)).toBe(true);
    expect(shape?.valueIn(text)).toBe(next["text"]);
    expect(shape?.match(framed(chunk(next, usage(1), { finishReason: "STOP" })), 0)).toBe(false);
    expect(shape?.match(framed(chunk({ ...next, thoughtSignature: "x" }, usage(1))), 0)).toBe(
      false,
    );
  });

  it.each<[string, Fields]>([
    ["that ends the answer", chunk({ text: "a" }, {}, { finishReason: "STOP" })],
    ["with a signature", chunk({ text: "a", thoughtSignature: "x" })],
    ["with a call", chunk({ functionCall: { name: "f" } })],
    ["with sources", chunk({ text: "a" }, {}, { groundingMetadata: {} })],
    ["with probabilities", chunk({ text: "a" }, {}, { logprobsResult: {} })],
    ["of two candidates", { candidates: [{ content: { parts: [{ text: "a" }] } }, {}] }],
    ["of two parts", chunk({}, {}, { content: { parts: [{ text: "a" }, { text: "b" }] } })],
    ["without a candidate", usage(3)],
  ])("is none for one %s", (_name, one) => {
    expect(shaped(one)).toBeUndefined();
  });
});

describe("a stream of such chunks", () => {
  it("means what it would if each was read, and its usage is that of the last", () => {
    const thought = { text: "hm", thought: true };
    const pieces = [
      chunk(thought, usage(1, { thoughtsTokenCount: 1 })),
      chunk(thought, usage(2, { thoughtsTokenCount: 2 })),
      chunk({ text: "a" }, usage(3)),
      chunk({ text: "b" }, usage(4)),
      chunk({ text: "c" }, usage(5)),
    ];
    const end = chunk({ text: "" }, {}, { finishReason: "STOP" });
    const known = readStream(googleGenerateContent, [bytesOf([...pieces, end].map(framed))]);
    // White space between members is another shape.
    const spaced = [...pieces, end].map((one, number) =>
      framed(one).replace("{", `{${" ".repeat(number)}`),
    );
    const parsed = readStream(googleGenerateContent, [bytesOf(spaced)]);
    expect(known).toEqual(parsed);
    expect(known.end?.rawUsage).toEqual({
      promptTokenCount: 4,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 2,
    });
  });
});
