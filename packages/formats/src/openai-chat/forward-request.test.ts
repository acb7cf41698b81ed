import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FormatQuirks } from "../format.ts";
import { forwardRequest } from "./forward-request.ts";
import { readRequest } from "./read-request.ts";
import { writeRequest } from "./write-request.ts";

const quirks: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
};
const messages = [{ role: "user", content: "hi" }];

/** What a target gets; undefined: the body is written anew. */
function forwarded(text: string, target: Partial<FormatQuirks> = {}, model = "up"): unknown {
  const body = new TextEncoder().encode(text);
  const { request, stream, forwardable } = readRequest(body);
  if (forwardable === undefined) return undefined;
  const edit = forwardRequest(forwardable, request, {
    model,
    stream,
    quirks: { ...quirks, ...target },
  });
  if (edit === undefined) return undefined;
  const bytes = [
    ...body.subarray(0, edit.start),
    ...new TextEncoder().encode(edit.text),
    ...body.subarray(edit.end),
  ];
  return JSON.parse(new TextDecoder().decode(new Uint8Array(bytes))) as unknown;
}

describe("forwarding a request", () => {
  it("writes ids of tool calls anew that OpenAI would refuse as too long, such as vLLM's", () => {
    const id = `chatcmpl-tool-${"0".repeat(32)}`;
    const tool_calls = [{ id, type: "function", function: { name: "f", arguments: "{}" } }];
    const turn = [...messages, { role: "assistant", tool_calls }];
    const result = { role: "tool", tool_call_id: id, content: "1" };
    const text = JSON.stringify({ model: "m", messages: [...turn, result] });
    expect(forwarded(text)).toBeUndefined();
    const { request } = readRequest(new TextEncoder().encode(text));
    const written = writeRequest(request, { model: "up", stream: false, quirks });
    expect(written).not.toContain(id);
    expect(written.split('"call_penstock_0"')).toHaveLength(3);
  });

  it("replaces the model and nothing else", () => {
    const body = { temperature: 1.5, extra: { deep: [1, "ü"] }, model: "a", messages, zzz: "" };
    for (const space of [0, 2]) {
      const text = JSON.stringify(body, null, space);
      expect(forwarded(text)).toEqual({ ...body, model: "up" });
      expect(forwarded(text, {}, "mödel\n")).toEqual({ ...body, model: "mödel\n" });
    }
  });

  it("does so for any further fields", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^x_[a-z]{1,8}$/), fc.jsonValue()), (extra) => {
        const body = { ...extra, model: "m", messages };
        fc.pre(!/__proto__|"prototype"/.test(JSON.stringify(body)));
        expect(forwarded(JSON.stringify(body))).toEqual(
          JSON.parse(JSON.stringify({ ...body, model: "up" })),
        );
      }),
    );
  });

  it("asks for usage in streams of targets that know how", () => {
    const body = { model: "m", messages, stream: true };
    const asks = { stream_options: { include_usage: true } };
    expect(forwarded(JSON.stringify(body))).toEqual({ ...body, model: "up", ...asks });
    expect(forwarded(JSON.stringify({ ...body, ...asks }))).toEqual({
      ...body,
      model: "up",
      ...asks,
    });
    expect(forwarded(JSON.stringify(body), { supportsStreamUsage: false })).toEqual({
      ...body,
      model: "up",
    });
  });

  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } };
  it.each<[string, object, Partial<FormatQuirks>]>([
    ["a wish meant for Penstock", { penstock: {} }, {}],
    ["such a wish that is null", { penstock: null }, {}],
    ["the other name of the largest output", { max_tokens: 5 }, {}],
    ["the newer name of it", { max_completion_tokens: 5 }, { maxTokensField: "max_tokens" }],
    [
      "a role the target does not know",
      { messages: [{ role: "developer", content: "x" }] },
      {
        sendsDeveloperRole: false,
      },
    ],
    [
      "reasoning the target does not take back",
      {
        messages: [...messages, { role: "assistant", content: "a", reasoning_content: "r" }],
      },
      {},
    ],
    ["a stream without usage", { stream: true, stream_options: {} }, {}],
    [
      "usage the target can't tell",
      { stream: true, stream_options: { include_usage: true } },
      {
        supportsStreamUsage: false,
      },
    ],
  ])("leaves %s to the writer", (_name, fields, target) => {
    expect(forwarded(JSON.stringify({ model: "m", messages, ...fields }), target)).toBeUndefined();
  });

  it("forwards tools, and reasoning where it is taken back", () => {
    const said = { role: "assistant", content: null, tool_calls: [call], reasoning_content: "r" };
    const body = { model: "m", messages: [...messages, said] };
    expect(forwarded(JSON.stringify(body), { sendsReasoning: true })).toEqual({
      ...body,
      model: "up",
    });
  });

  it("leaves a key with an escape to the writer: its bytes do not tell its name", () => {
    const text = JSON.stringify({ model: "m", messages, x_a: 1 }).replace("x_a", "x\\u005fa");
    expect(forwarded(text)).toBeUndefined();
  });
});
