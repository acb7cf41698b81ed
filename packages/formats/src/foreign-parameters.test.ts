import { describe, expect, it } from "vitest";
import { warnOfForeignParameters } from "./foreign-parameters.ts";
import { formats } from "./formats.ts";
import type { FormatName } from "./format.ts";

function lost(from: FormatName, to: FormatName, fields: object): string[] {
  const hello = [{ role: "user", content: "x" }];
  const body = {
    model: "m",
    [from === "openai-responses" ? "input" : "messages"]: hello,
    ...fields,
  };
  const { request } = formats[from].readRequest(new TextEncoder().encode(JSON.stringify(body)));
  const warnings: string[] = [];
  warnOfForeignParameters(request, to, (warning) => warnings.push(warning));
  return warnings.map((warning) => warning.split(" ")[1]!.replace(",", ""));
}

describe("warnOfForeignParameters", () => {
  it("tells of what only the caller's format knows", () => {
    const chat = { prediction: { type: "content" }, logit_bias: { "1": 1 }, x_odd: 1 };
    expect(lost("openai-chat", "openai-responses", chat)).toEqual([
      "prediction",
      "logit_bias",
      "x_odd",
    ]);
    const responses = { reasoning: { effort: "low", summary: "auto" }, max_tool_calls: 1 };
    expect(lost("openai-responses", "openai-chat", responses)).toEqual([
      "reasoning",
      "max_tool_calls",
    ]);
  });

  it("tells of members of a function", () => {
    const tools = [{ type: "function", function: { name: "f", x_examples: ["f(1)"] } }];
    expect(lost("openai-chat", "anthropic-messages", { tools })).toEqual(["tools.x_examples"]);
  });

  it("tells of members of messages and tools, and of each once", () => {
    const document = {
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "x" },
      context: "of 2024",
      citations: { enabled: true },
    };
    const messages = [
      { role: "user", content: [document, { ...document, citations: null }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: [document] }] },
    ];
    const tools = [
      { name: "f", input_schema: {}, defer_loading: true, eager_input_streaming: true },
    ];
    const fields = { max_tokens: 9, messages, tools, output_config: { effort: "low" } };
    expect(lost("anthropic-messages", "openai-chat", fields)).toEqual([
      "tools.defer_loading",
      "messages.context",
      "messages.citations",
    ]);
    expect(lost("anthropic-messages", "anthropic-messages", fields)).toEqual([]);
    const echoed = { role: "assistant", content: "x", annotations: [], audio: null, index: 0 };
    const thought = { ...echoed, reasoning_details: [{ type: "reasoning.text", text: "hm" }] };
    expect(lost("openai-chat", "anthropic-messages", { messages: [echoed] })).toEqual([]);
    expect(lost("openai-chat", "anthropic-messages", { messages: [thought] })).toEqual([
      "messages.reasoning_details",
    ]);
  });

  it("says nothing of what is taken over, or changes no answer", () => {
    const both = { metadata: { a: "b" }, prompt_cache_key: "k", safety_identifier: "s" };
    const chat = { ...both, verbosity: "low", modalities: ["text"] };
    expect(lost("openai-chat", "openai-responses", chat)).toEqual([]);
    const include = ["reasoning.encrypted_content"];
    const responses = { ...both, store: true, text: { verbosity: "low" }, include };
    expect(lost("openai-responses", "openai-chat", responses)).toEqual([]);
    expect(
      lost("openai-chat", "openai-chat", { ...chat, prediction: { type: "content" } }),
    ).toEqual([]);
  });
});
