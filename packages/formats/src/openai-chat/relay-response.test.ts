import fc from "fast-check";
import { describe, expect, it } from "vitest";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import { readResponse } from "./read-response.ts";
import { relayResponse } from "./relay-response.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const relay = (bytes: Uint8Array) => relayResponse(latin1(bytes), bytes);
const look = (body: unknown) =>
  relay(encode(typeof body === "string" ? body : JSON.stringify(body)));
/** What reading tells, but for the raw usage, which the caller of a relayed answer gets in it. */
const readEnd = (bytes: Uint8Array) => ({ ...readResponse(bytes).end, rawUsage: undefined });

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
      expect(found.end).toEqual(readEnd(encode(JSON.stringify(body))));
    }
    expect(relayed).toBeGreaterThan(2);
  });

  it("finds the model, whatever stands around and inside of it", () => {
    for (const space of [0, 1, 4]) {
      const text = JSON.stringify(plain, null, space);
      const bytes = encode(text);
      const found = relay(bytes);
      const { start, end } = found?.model ?? {};
      expect(JSON.parse(latin1(bytes).slice(start, end))).toBe(plain.model);
      expect(found?.end).toEqual(readEnd(bytes));
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
          expect(relay(bytes)?.end).toEqual(readEnd(bytes));
        },
      ),
    );
  });

  // docs.mistral.ai/capabilities/reasoning: the content is a list, which clients take for text.
  it("takes no content that is a list", () => {
    const thinking = { type: "thinking", thinking: [{ type: "text", text: "hm" }] };
    const content = [thinking, { type: "text", text: "Hi" }];
    const [choice] = plain.choices;
    for (const space of [0, 2]) {
      const choices = [{ ...choice, message: { role: "assistant", content } }];
      expect(look(JSON.stringify({ ...plain, choices }, null, space))).toBeUndefined();
    }
    const logprobs = { content: [{ token: "Hi", logprob: -0.1, bytes: null, top_logprobs: [] }] };
    expect(look({ ...plain, choices: [{ ...choice, logprobs }] })).toBeDefined();
  });

  it("takes no cut, joined or mismatched text for an answer", () => {
    const bytes = encode(JSON.stringify(plain));
    const text = JSON.stringify(plain);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(relay(bytes.subarray(0, length)), `${length}`).toBeUndefined();
    }
    expect(look(text + text)).toBeUndefined();
    expect(look(`[${text}]`)).toBeUndefined();
    expect(look(text.replace("]}]", "]}}"))).toBeDefined();
    expect(look(text.replace('"stop"}]', '"stop"]}'))).toBeUndefined();
    expect(look("[".repeat(10_000))).toBeUndefined();
    expect(look(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`)).toBeUndefined();
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
    ["an index that is no number", { ...plain, choices: [{ ...choice, index: "0" }] }],
    ["two messages", JSON.stringify(plain).replace('"message"', '"message":{},"message"')],
    ["two reasons", JSON.stringify(plain).replace('"index"', '"finish_reason":"stop","index"')],
    ["a member without value", JSON.stringify(plain).replace("{", '{"a":,')],
    ["a comma too many", JSON.stringify(plain).replace("{", "{,")],
    ["a comma too few", JSON.stringify(plain).replace(',"object"', '"object"')],
    ["a comma at the end", JSON.stringify(plain).replace(/\}$/, ",}")],
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
