import { describe, expect, it } from "vitest";
import { formats } from "../formats.ts";
import type { FormatName, FormatQuirks } from "../format.ts";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const hello = { role: "user", content: "Hello" };

/** What a caller of a format asks, as a target of this one gets it. */
function translate(
  from: FormatName,
  fields: object,
  more: Partial<FormatQuirks> = {},
  model = "m",
) {
  const body = { model: "asked", messages: [hello], max_tokens: 9, ...fields };
  const { request } = formats[from].readRequest(encode(body));
  const warnings: string[] = [];
  const text = formats["openai-chat"].writeRequest(request, {
    model,
    stream: false,
    quirks: {
      maxTokensField: "max_tokens",
      sendsDeveloperRole: false,
      supportsStreamUsage: true,
      ...more,
    },
    warn: (warning) => warnings.push(warning),
  });
  return { body: JSON.parse(text) as Record<string, unknown>, warnings };
}

describe("a request of another format", () => {
  const image = {
    type: "image",
    source: { type: "base64", media_type: "image/png", data: "AAEC" },
  };
  const use = (id: string) => ({ type: "tool_use", id, name: "f", input: {} });
  const result = (id: string, content: unknown) => ({
    type: "tool_result",
    tool_use_id: id,
    content,
  });
  const called = (id: string) => ({
    id,
    type: "function",
    function: { name: "f", arguments: "{}" },
  });

  // platform.openai.com/docs/api-reference/chat/create: the content of a tool message is text.
  it("sends media that tools returned behind all results of the turn", () => {
    const { body, warnings } = translate("anthropic-messages", {
      messages: [
        hello,
        { role: "assistant", content: [use("a"), use("b")] },
        {
          role: "user",
          content: [
            result("a", [{ type: "text", text: "one" }, image]),
            result("b", [image]),
            { type: "text", text: "and?" },
          ],
        },
      ],
    });
    const written = { type: "image_url", image_url: { url: "data:image/png;base64,AAEC" } };
    expect(body["messages"]).toEqual([
      hello,
      { role: "assistant", content: null, tool_calls: [called("a"), called("b")] },
      { role: "tool", tool_call_id: "a", content: "one" },
      { role: "tool", tool_call_id: "b", content: "The result is media, which follow." },
      {
        role: "user",
        content: [
          { type: "text", text: "Media of the result of call a:" },
          written,
          { type: "text", text: "Media of the result of call b:" },
          written,
        ],
      },
      { role: "user", content: "and?" },
    ]);
    expect(new Set(warnings)).toEqual(
      new Set(["approximated: media of tool results follow in a message of the user"]),
    );
  });

  // platform.openai.com/docs/guides/pdf-files: files of this API are PDF.
  it("sends documents of text as text", () => {
    const source = { type: "text", media_type: "text/plain", data: "Grüße" };
    const content = [
      { type: "document", title: "A", source },
      { type: "document", source },
    ];
    const { body, warnings } = translate("anthropic-messages", {
      messages: [{ role: "user", content }],
    });
    expect(body["messages"]).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "A:\n\nGrüße" },
          { type: "text", text: "Grüße" },
        ],
      },
    ]);
    expect(warnings).toContain("approximated: a document of text is sent as text");
  });

  it("tells of reasoning that stays behind, and leaves no empty turn", () => {
    const thought = { type: "thinking", thinking: "hm", signature: "" };
    const turn = (content: object[]) => ({
      messages: [hello, { role: "assistant", content }, hello],
    });
    const alone = translate("anthropic-messages", turn([thought]));
    expect(alone.body["messages"]).toEqual([hello, hello]);
    const dropped = "reasoning_dropped: the target takes no reasoning of earlier turns";
    expect(alone.warnings).toEqual([dropped]);
    const kept = translate("anthropic-messages", turn([thought]), { sendsReasoning: true });
    expect(JSON.stringify(kept.body)).toContain('"reasoning_content":"hm"');
    expect(kept.warnings).toEqual([]);
    const stateless = formats["openai-responses"];
    const { request } = formats["openai-chat"].readRequest(
      encode({
        model: "m",
        messages: [hello, { role: "assistant", content: "x", reasoning_content: "hm" }],
      }),
    );
    const told: string[] = [];
    const quirks = { maxTokensField: "max_tokens", sendsDeveloperRole: true } as const;
    const target = { model: "m", stream: false, quirks: { ...quirks, supportsStreamUsage: true } };
    stateless.writeRequest(request, { ...target, warn: (warning) => told.push(warning) });
    expect(told).toEqual([expect.stringMatching(/^reasoning_dropped/)]);
    // The least that the API takes; coding agents ask for one token to find out whether they may.
    request.sampling = { $typeName: "penstock.inference.v1.Sampling", stopSequences: [] };
    request.sampling.maxOutputTokens = 1;
    expect(stateless.writeRequest(request, target)).toContain('"max_output_tokens":16');
  });

  // openrouter.ai/docs/features/prompt-caching.
  it("marks what is to be cached where the target knows such marks", () => {
    const cache_control = { type: "ephemeral", ttl: "1h" };
    const fields = {
      system: [{ type: "text", text: "Long.", cache_control }],
      tools: [{ name: "f", input_schema: {}, cache_control }],
      messages: [
        hello,
        { role: "assistant", content: [use("a")] },
        { role: "user", content: [{ ...result("a", "one"), cache_control }] },
      ],
    };
    const { body } = translate("anthropic-messages", fields, { sendsCacheMarkers: true });
    expect(body["tools"]).toEqual([expect.objectContaining({ cache_control })]);
    expect(body["messages"]).toEqual([
      { role: "system", content: [{ type: "text", text: "Long.", cache_control }] },
      hello,
      expect.anything(),
      {
        role: "tool",
        tool_call_id: "a",
        content: [{ type: "text", text: "one", cache_control }],
      },
    ]);
    expect(JSON.stringify(translate("anthropic-messages", fields).body)).not.toContain("cache");
  });

  // console.groq.com/docs/errors: an unknown property is a bad request; the reference of metadata.
  it("tells OpenAI's own parameters only to who takes them", () => {
    const fields = {
      messages: undefined,
      max_tokens: undefined,
      input: "Hello",
      prompt_cache_key: "k",
      metadata: { a: "b" },
      text: { verbosity: "low" },
    };
    const own = translate("openai-responses", fields);
    expect(own.body).toMatchObject({ prompt_cache_key: "k", verbosity: "low" });
    expect(own.body).not.toHaveProperty("metadata");
    const stored = translate("openai-responses", { ...fields, store: true });
    expect(stored.body).toMatchObject({ store: true, metadata: { a: "b" } });
    const strict = translate("openai-responses", fields, { refusesUnknownFields: true });
    expect(strict.body).toEqual({ model: "m", messages: [hello] });
    expect(strict.warnings).toEqual(["parameter_dropped: verbosity"]);
  });

  it("asks of a model that reasons only what it takes", () => {
    const fields = { temperature: 0.2, output_config: { effort: "max" } };
    const { body, warnings } = translate("anthropic-messages", fields, {}, "gpt-5.1");
    expect(body).toMatchObject({ reasoning_effort: "high" });
    expect(body).not.toHaveProperty("temperature");
    expect(warnings).toHaveLength(2);
  });
});

describe("an answer", () => {
  // docs.mistral.ai/capabilities/reasoning: what the model thought stands in the content.
  it("tells what a model thought that says it in its content", () => {
    const thinking = { type: "thinking", thinking: [{ type: "text", text: "hm" }] };
    const message = { role: "assistant", content: [thinking, { type: "text", text: "Hi" }] };
    const choices = [{ index: 0, finish_reason: "stop", message }];
    const { candidates } = formats["openai-chat"].readResponse(encode({ id: "1", choices }));
    expect(candidates[0]?.parts.map(({ part }) => [part.case, part.value])).toEqual([
      ["reasoning", expect.objectContaining({ text: "hm" })],
      ["text", expect.objectContaining({ text: "Hi" })],
    ]);
  });
});
