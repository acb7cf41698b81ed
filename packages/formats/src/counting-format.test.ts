import { describe, expect, it } from "vitest";
import anthropic from "./anthropic-messages/__fixtures__/counts.json" with { type: "json" };
import bedrock from "./bedrock-converse/__fixtures__/counts.json" with { type: "json" };
import type { CountingFormatName } from "./counting-format.ts";
import { countingFormats } from "./formats.ts";
import gemini from "./google-generate-content/__fixtures__/gemini-counts.json" with { type: "json" };
import vertex from "./google-generate-content/__fixtures__/vertex-counts.json" with { type: "json" };
import openai from "./openai-responses/__fixtures__/counts.json" with { type: "json" };

interface Fixture {
  readonly source: readonly string[];
  readonly format: string;
  readonly model: string;
  /** `written`: what a target is sent, where that is not the body itself. */
  readonly requests: readonly { name: string; body: object; written?: object }[];
  /** `only`: an answer with more than a caller is sent. */
  readonly answers: readonly { name: string; body: object; inputTokens: number; only?: string }[];
}

const fixtures: readonly Fixture[] = [anthropic, bedrock, gemini, openai, vertex];
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const quirks = {
  maxTokensField: "max_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
} as const;

it("there is a fixture for each", () => {
  const names = fixtures.map(({ format }) => format).toSorted();
  expect(names).toEqual(Object.keys(countingFormats).toSorted());
});

describe.each(fixtures)("$format", ({ format, model, requests, answers }) => {
  const counting = countingFormats[format as CountingFormatName];
  const target = { model, stream: false, quirks };
  const address = { model, stream: false };

  it.each(requests)("asks: $name", ({ body, written = body }) => {
    const { request } = counting.readRequest(encode(body), address);
    expect(request.model).toBe(model);
    const text = counting.writeRequest(request, target);
    expect(JSON.parse(text)).toEqual(written);
    // What is written is read again as the same conversation.
    const again = counting.readRequest(new TextEncoder().encode(text), address).request;
    expect(again.messages).toEqual(request.messages);
    expect(again.tools).toEqual(request.tools);
  });

  it.each(answers)("reads: $name", ({ body, inputTokens, only }) => {
    expect(counting.readResponse(encode(body))).toBe(inputTokens);
    const written = counting.writeResponse(inputTokens);
    if (only === undefined) expect(written).toEqual(body);
    expect(counting.readResponse(encode(written))).toBe(inputTokens);
  });

  it.each([
    ["nothing", {}],
    ["a text", { input_tokens: "1", totalTokens: "1", inputTokens: "1" }],
    ["a fraction", { input_tokens: 1.5, totalTokens: 1.5, inputTokens: 1.5 }],
    ["zero", { input_tokens: 0, totalTokens: 0, inputTokens: 0 }],
    ["less than zero", { input_tokens: -1, totalTokens: -1, inputTokens: -1 }],
  ])("takes %s for no count", (_what, body) => {
    for (const answer of [JSON.stringify(body), "[]", "<html>"]) {
      expect(() => counting.readResponse(new TextEncoder().encode(answer))).toThrow(
        expect.objectContaining({ reason: "UPSTREAM_MALFORMED" }),
      );
    }
  });
});

describe("a caller's own body", () => {
  it.each(["anthropic-count-tokens", "openai-input-tokens"] as const)("of %s goes on", (name) => {
    const counting = countingFormats[name];
    const message = '{"role":"user","content":"hi"}';
    const text = `"${name === "openai-input-tokens" ? "input" : "messages"}":[${message}]`;
    const body = `{"model":"claude","new_field":{"a":1},${text}}`;
    const { request, forwardable } = counting.readRequest(new TextEncoder().encode(body));
    if (forwardable === undefined) throw new Error("it can go on");
    const edit = counting.forwardRequest?.(forwardable, request, {
      model: "größer",
      stream: false,
      quirks,
    });
    if (edit === undefined) throw new Error("it can go on as it is");
    const sent = body.slice(0, edit.start) + edit.text + body.slice(edit.end);
    expect(JSON.parse(sent)).toEqual({ ...(JSON.parse(body) as object), model: "größer" });
  });
});
