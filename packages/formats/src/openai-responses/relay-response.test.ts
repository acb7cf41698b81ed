import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readResponse } from "./read-response.ts";
import { relayResponse } from "./relay-response.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const look = (body: unknown) => {
  const bytes = encode(typeof body === "string" ? body : JSON.stringify(body));
  return relayResponse(latin1(bytes), bytes);
};
const read = (body: unknown) => ({
  ...readResponse(encode(JSON.stringify(body))).end,
  // The caller gets it in the text.
  rawUsage: undefined,
});

const message = {
  type: "message",
  id: "msg_1",
  status: "completed",
  role: "assistant",
  content: [{ type: "output_text", text: '“héllo” \\ "id": 1 ]}', annotations: [] }],
};
const usage = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 7,
  output_tokens_details: { reasoning_tokens: 5 },
  total_tokens: 16,
};
const plain = {
  id: "resp_1",
  object: "response",
  status: "completed",
  error: null,
  incomplete_details: null,
  model: "gpt-5",
  output: [message],
  service_tier: "default",
  usage,
};
const call = { type: "function_call", call_id: "call_1", name: "f", arguments: "{}" };
const sealed = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAAA" };

describe("relaying a whole answer", () => {
  it.each([
    plain,
    { ...plain, output: [] },
    { ...plain, output: [message, call] },
    { ...plain, output: [{ ...call, type: "custom_tool_call" }] },
    { ...plain, output: [{ ...message, content: [call] }] },
    { ...plain, status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    { ...plain, status: "incomplete", incomplete_details: {} },
    { ...plain, service_tier: null },
    { ...plain, usage: { ...usage, extra: { a: 1 } } },
    { ...plain, usage: { input_tokens: 1, input_tokens_details: { cached_tokens: 2 } } },
    { ...plain, usage: { ...usage, prompt_cache_hit_tokens: 3, input_tokens_details: null } },
  ])("learns from the text what reading it would tell: %j", (body) => {
    for (const space of [0, 2]) {
      const text = JSON.stringify(body, null, space);
      const found = look(text)!;
      expect(found.end).toEqual(read(body));
      const bytes = latin1(encode(text));
      expect(JSON.parse(bytes.slice(found.model.start, found.model.end))).toBe(plain.model);
    }
  });

  it("tells the same of usage as reading for any counts", () => {
    const count = fc.oneof(fc.nat(50), fc.constantFrom(null, 2 ** 53 - 1, -1, 1.5, "1", {}));
    const details = fc.option(fc.record({ cached_tokens: count }, { requiredKeys: [] }));
    const counts = fc.record(
      {
        input_tokens: count,
        output_tokens: count,
        total_tokens: count,
        input_tokens_details: details,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(counts, (told) => {
        const body = { ...plain, usage: told };
        const { usage: known, ...end } = read(body);
        expect(look(body)?.end).toEqual(known === undefined ? undefined : { ...end, usage: known });
      }),
    );
  });

  it("finds the sealed content of the last reasoning", () => {
    const output = [sealed, { ...sealed, encrypted_content: "gBBBBB" }, message];
    expect(look({ ...plain, output })?.signature).toBe("gBBBBB");
    expect(look({ ...plain, output: [sealed, { type: "reasoning" }] })?.signature).toBe("gAAAAA");
    expect(look({ ...plain, output: [{ ...sealed, type: "compaction" }] })?.signature).toBe(
      undefined,
    );
    expect(look({ ...plain, output: [{ ...sealed, encrypted_content: "" }] })?.signature).toBe(
      undefined,
    );
  });

  it("takes no cut or joined text for an answer", () => {
    const bytes = encode(JSON.stringify({ ...plain, output: [message, call, sealed] }));
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = bytes.subarray(0, length);
      expect(relayResponse(latin1(cut), cut), `${length}`).toBeUndefined();
    }
    expect(look(JSON.stringify(plain) + JSON.stringify(plain))).toBeUndefined();
  });

  it.each([
    ["an error", { ...plain, error: { code: "server_error" } }],
    ["no id", { ...plain, id: undefined }],
    ["a model that is not plain", { ...plain, model: "é" }],
    ["no usage", { ...plain, usage: undefined }],
    ["a failure", { ...plain, status: "failed" }],
    ["an answer that is not over", { ...plain, status: "in_progress" }],
    ["no output", { ...plain, output: undefined }],
    ["output that is no list", { ...plain, output: {} }],
    ["an item that is none", { ...plain, output: ["x"] }],
    ["a model given twice", JSON.stringify(plain).replace("{", '{"model":"x",')],
    ["usage given twice", JSON.stringify(plain).replace("{", '{"usage":null,')],
    ["a key with an escape", JSON.stringify(plain).replace('"model"', '"mod\\u0065l"')],
  ])("leaves %s to the reader", (_name, body) => {
    expect(look(body)).toBeUndefined();
  });
});
