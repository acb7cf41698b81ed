import fc from "fast-check";
import { describe, expect, it } from "vitest";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import { readResponse } from "./read-response.ts";
import { relayResponse } from "./relay-response.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const look = (body: unknown) =>
  relayResponse(latin1(encode(typeof body === "string" ? body : JSON.stringify(body))));

const plain = {
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "gpt-4o-2024-08-06",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: '“héllo” \\ "id": 1 ]}' },
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
};

describe("relaying a whole answer", () => {
  it("learns from the text what reading it would tell", () => {
    let relayed = 0;
    for (const { body } of answers) {
      const found = look(body);
      if (found === undefined) continue;
      relayed += 1;
      expect(found.end).toEqual(readResponse(encode(JSON.stringify(body))).end);
    }
    expect(relayed).toBeGreaterThan(2);
  });

  it("finds the model, whatever stands around and inside of it", () => {
    for (const space of [0, 1, 4]) {
      const text = JSON.stringify(plain, null, space);
      const bytes = latin1(encode(text));
      const found = relayResponse(bytes);
      expect(JSON.parse(bytes.slice(found?.model.start, found?.model.end))).toBe(plain.model);
      expect(found?.end).toEqual(readResponse(encode(text)).end);
    }
  });

  it("tells the same as reading for any content", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ content: fc.string({ unit: "binary" }), extra: fc.jsonValue() }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.nat(100_000),
        (messages, tokens) => {
          const choices = messages.map(({ content, extra }, index) => ({
            extra,
            finish_reason: "length",
            message: { content, extra },
            index,
          }));
          const usage = { completion_tokens: tokens, prompt_tokens: 1, extra: { a: [tokens] } };
          const text = JSON.stringify({ ...plain, choices, usage });
          const bytes = encode(text);
          // What can't be UTF-8 never comes here, and what readers refuse is not compared.
          fc.pre(text.isWellFormed() && !/__proto__|"prototype"/.test(text));
          expect(relayResponse(latin1(bytes))?.end).toEqual(readResponse(bytes).end);
        },
      ),
    );
  });

  // docs.mistral.ai/capabilities/reasoning: the content is a list, which clients take for text.
  it("takes no content that is a list", () => {
    const thinking = { type: "thinking", thinking: [{ type: "text", text: "hm" }] };
    const content = [thinking, { type: "text", text: "Hi" }];
    const [choice] = plain.choices;
    expect(look({ ...plain, choices: [{ ...choice, message: { content } }] })).toBeUndefined();
    const logprobs = { content: [{ token: "Hi", logprob: -0.1, bytes: null, top_logprobs: [] }] };
    expect(look({ ...plain, choices: [{ ...choice, logprobs }] })).toBeDefined();
  });

  it("takes no cut, joined or mismatched text for an answer", () => {
    const text = latin1(encode(JSON.stringify(plain)));
    for (let length = 0; length < text.length; length += 1) {
      expect(relayResponse(text.slice(0, length)), `${length}`).toBeUndefined();
    }
    expect(relayResponse(text + text)).toBeUndefined();
    expect(relayResponse(`[${text}]`)).toBeUndefined();
    expect(relayResponse(text.replace("]}]", "]}}"))).toBeDefined();
    expect(relayResponse(text.replace('"stop"}]', '"stop"]}'))).toBeUndefined();
    expect(relayResponse("[".repeat(10_000))).toBeUndefined();
    expect(relayResponse(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`)).toBeUndefined();
  });

  const choice = plain.choices[0];
  it.each([
    ["an error beside the choices", { ...plain, error: { message: "no" } }],
    ["no id", { ...plain, id: undefined }],
    ["an empty id", { ...plain, id: "" }],
    ["no model", { ...plain, model: undefined }],
    ["no usage", { ...plain, usage: undefined }],
    ["usage that is not believable", { ...plain, usage: { prompt_tokens: -1 } }],
    ["no choices", { ...plain, choices: [] }],
    ["choices that are no list", { ...plain, choices: { 0: choice } }],
    ["a choice that is no object", { ...plain, choices: [[choice]] }],
    ["a choice without message", { ...plain, choices: [{ index: 0, finish_reason: "stop" }] }],
    ["a failed choice", { ...plain, choices: [{ ...choice, finish_reason: "error" }] }],
    ["a reason of its own", { ...plain, choices: [{ ...choice, finish_reason: "eos" }] }],
    ["the legacy reason", { ...plain, choices: [{ ...choice, finish_reason: "function_call" }] }],
    ["no reason", { ...plain, choices: [{ ...choice, finish_reason: null }] }],
    ["a model given twice", JSON.stringify(plain).replace("{", '{"model":"x",')],
    ["usage given twice", JSON.stringify(plain).replace("{", '{"usage":{"prompt_tokens":0},')],
    ["a key with an escape", JSON.stringify(plain).replace('"model"', '"mod\\u0065l"')],
    ["HTML", "<html></html>"],
  ])("leaves %s to the reader", (_name, body) => {
    expect(look(body)).toBeUndefined();
  });

  it("is not confused by usage and model inside of a choice", () => {
    const inner = { ...choice, usage: { prompt_tokens: 1 }, model: "inner", id: "inner" };
    expect(look({ ...plain, choices: [inner] })?.end).toEqual(look(plain)?.end);
  });
});
