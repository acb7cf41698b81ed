import { describe, expect, it } from "vitest";
import { agentTurns } from "./conformance/agent-turns.fixture.ts";
import type { FormatName } from "./format.ts";
import { formats } from "./formats.ts";
import codexRequest from "./openai-responses/__fixtures__/codex-request.json" with { type: "json" };
import { unknownParameters } from "./unknown-parameters.ts";

function pathsIn(format: FormatName, body: object): string[] {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return unknownParameters(formats[format].readRequest(bytes).request, 20).map(({ path }) => path);
}

describe("unknownParameters", () => {
  it("finds none in what agents send", () => {
    const formatNames = new Set(agentTurns.map(({ format }) => format.name));
    expect(formatNames).toEqual(new Set(["openai-responses", "anthropic-messages"]));
    for (const { format, body } of agentTurns) expect(pathsIn(format.name, body)).toEqual([]);
  });

  it("finds none in another request of Codex's", () => {
    expect(pathsIn("openai-responses", codexRequest.body)).toEqual([]);
  });

  it("finds none in what OpenAI documents and Penstock carries", () => {
    const messages = [
      {
        role: "user",
        content: [{ type: "text", text: "q", cache_control: { type: "ephemeral" } }],
      },
    ];
    const documented = {
      model: "m",
      messages,
      store: true,
      metadata: { any: "thing" },
      prediction: { type: "content", content: "p" },
      prompt_cache_key: "k",
      safety_identifier: "s",
      stream_options: { include_usage: true, include_obfuscation: false },
      verbosity: "low",
      logit_bias: { "50256": -100 },
    };
    expect(pathsIn("openai-chat", documented)).toEqual([]);
  });

  it("finds none of the fields that the types of the official clients have", () => {
    const input = [{ role: "user", content: "q" }];
    const responses = { model: "m", input, access_programs: {}, image: {}, max_tool_calls: 1 };
    expect(pathsIn("openai-responses", responses)).toEqual([]);
    const messages = [{ role: "user", content: "q" }];
    const beta = { billing_policy: {}, compaction: {}, diagnostics: {}, workspace_id: "w" };
    const thinking = { type: "adaptive", block_binding: "x" };
    const claude = { model: "m", max_tokens: 1, messages, thinking, ...beta };
    expect(pathsIn("anthropic-messages", claude)).toEqual([]);
  });

  it("finds what nobody documents, at the top and deep inside", () => {
    const content = [{ type: "text", text: "q", shade: "red" }];
    const messages = [
      { role: "user", content: "q" },
      { role: "user", content, tone: "warm" },
    ];
    const tools = [{ type: "function", function: { name: "f", mood: 1 }, colour: "red" }];
    expect(
      pathsIn("openai-chat", { model: "m", messages, tools, top_a: 0.5, min_p: 0.1 }).toSorted(),
    ).toEqual(
      [
        "messages[1].parts[0].shade",
        "messages[1].tone",
        "min_p",
        "tools[0].colour",
        "tools[0].function.mood",
        "top_a",
      ].toSorted(),
    );
    const input = [
      { role: "user", content: [{ type: "input_text", text: "q", shade: "red" }], tone: "warm" },
      { type: "reasoning", id: "r", summary: [], encrypted_content: "x", tint: 1 },
    ];
    const responses = { model: "m", input, reasoning: { effort: "low", depth: 3 }, magic: true };
    expect(pathsIn("openai-responses", responses).toSorted()).toEqual(
      [
        "magic",
        "messages[0].parts[0].shade",
        "messages[0].tone",
        "messages[1].parts[0].tint",
        "reasoning.depth",
      ].toSorted(),
    );
    const claude = { model: "m", max_tokens: 1, messages, thinking: { type: "x", depth: 3 }, a: 1 };
    expect(pathsIn("anthropic-messages", claude).toSorted()).toEqual([
      "a",
      "messages[1].parts[0].shade",
      "messages[1].tone",
      "thinking.depth",
    ]);
  });

  it("knows nothing of formats that it has no list of, and stops at as many as are wanted", () => {
    const { request } = formats["openai-chat"].readRequest(
      new TextEncoder().encode('{"model":"m","messages":[{"role":"user","content":"q"}]}'),
    );
    request.formatParameters = {
      toString: { a: 1, b: 2 },
      "bedrock-converse": { guardrailConfig: {} },
    };
    expect(unknownParameters(request, 20)).toEqual([
      { format: "toString", path: "a" },
      { format: "toString", path: "b" },
    ]);
    expect(unknownParameters(request, 1)).toHaveLength(1);
  });
});
