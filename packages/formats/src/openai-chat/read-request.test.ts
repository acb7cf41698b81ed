import { GenerateRequestSchema, MessageRole } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FormatQuirks } from "../format.ts";
import { openaiChat } from "./openai-chat.ts";
import { checkFormatParameters } from "./write-request.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const hello = [{ role: "user", content: "Hello" }];
const quirks: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
  sendsReasoning: true,
};

function read(fields: object): ReturnType<typeof openaiChat.readRequest> {
  return openaiChat.readRequest(encode(JSON.stringify(fields)));
}

function write(fields: object, change: Partial<FormatQuirks> = {}): Record<string, unknown> {
  const { request, stream } = read(fields);
  const target = { model: "upstream", stream, quirks: { ...quirks, ...change } };
  return JSON.parse(openaiChat.writeRequest(request, target)) as Record<string, unknown>;
}

function violations(fields: object): [string, string[]] {
  try {
    read(fields);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return [error.reason, error.fieldViolations.map((one) => one.field)];
  }
  return ["", []];
}

const call = { id: "c1", type: "function", function: { name: "f", arguments: '{"a":1' } };
const tool = {
  type: "function",
  function: { name: "f", description: "d", parameters: {}, strict: true },
};

/** A request that uses everything that has a place in the canonical request, in OpenAI's words. */
const full = {
  model: "m",
  messages: [
    { role: "developer", content: "Be brief." },
    {
      role: "system",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      name: "s",
    },
    {
      role: "user",
      content: [
        { type: "text", text: "See", cache_control: { type: "ephemeral" } },
        { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAEC" } },
        { type: "input_audio", input_audio: { data: "AAEC", format: "mp3" } },
        { type: "file", file: { file_id: "file-1" } },
        {
          type: "file",
          file: { file_data: "data:application/pdf;base64,AAEC", filename: "a.pdf" },
        },
      ],
    },
    { role: "assistant", content: null, tool_calls: [call], reasoning_content: "hm" },
    { role: "tool", tool_call_id: "c1", content: "42", vendor_note: 1 },
    { role: "assistant", content: "It is", refusal: "no", prefix: true },
  ],
  tools: [
    {
      ...tool,
      function: { ...tool.function, x_examples: ["f(1)"] },
      cache_control: { type: "ephemeral" },
    },
  ],
  tool_choice: { type: "function", function: { name: "f" } },
  parallel_tool_calls: false,
  max_completion_tokens: 7,
  temperature: 0,
  top_p: 0.5,
  top_k: 3,
  n: 2,
  stop: ["a", "b"],
  seed: -5,
  frequency_penalty: -2,
  presence_penalty: 2,
  response_format: {
    type: "json_schema",
    json_schema: { name: "x", schema: { a: 1 }, strict: false },
  },
  reasoning_effort: "low",
  stream: true,
  stream_options: { include_usage: true, include_obfuscation: false },
  user: "u",
  metadata: { app: "demo" },
  logit_bias: { "50256": -100 },
  modalities: ["text"],
  verbosity: "low",
  vendor_field: { deep: [1, null, { a: "b" }] },
};

describe("readRequest and writeRequest", () => {
  it("keep everything a request of the same format says, known or not", () => {
    expect(write(full)).toEqual({ ...full, model: "upstream" });
  });

  it("keep unknown fields, whatever they are", () => {
    const name = fc.stringMatching(/^x_[a-z]{1,12}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue()), fc.string(), (extras, text) => {
        const fields = JSON.parse(
          JSON.stringify({
            model: "m",
            messages: [{ role: "user", content: text, ...extras }],
            ...extras,
          }),
        ) as object;
        fc.pre(!/__proto__|"prototype"|\\ud/.test(JSON.stringify(fields)));
        expect(write(fields)).toEqual({ ...fields, model: "upstream" });
      }),
    );
  });

  it("adapt to what a target knows", () => {
    const written = write(full, {
      maxTokensField: "max_tokens",
      sendsDeveloperRole: false,
      supportsStreamUsage: false,
      sendsReasoning: false,
    });
    expect(written).toMatchObject({
      max_tokens: 7,
      messages: [{ role: "system" }, {}, {}, {}, {}, {}],
    });
    expect(written["stream_options"]).toEqual({ include_obfuscation: false });
    expect(JSON.stringify(written)).not.toMatch(/reasoning_content|max_completion_tokens/);
  });

  it("ask for usage in every stream, and remember who wanted it", () => {
    const fields = { model: "m", messages: hello, stream: true };
    expect(write(fields)["stream_options"]).toEqual({ include_usage: true });
    expect(read(fields)).toMatchObject({ stream: true, includeUsage: false });
    expect(read(full)).toMatchObject({ stream: true, includeUsage: true });
  });

  it("take wishes and labels out of the body", () => {
    const fields = {
      model: "m",
      messages: hello,
      metadata: { team: "a", note: "x".repeat(100) },
      penstock: {
        routing: {
          onlyProviders: ["providers/openai"],
          provider_order: ["providers/b"],
          allow_fallbacks: false,
          maxAttempts: 2,
          maxOutputPriceNanoUsdPerMillionTokens: "15000000000",
        },
        labels: { team: "b" },
        idempotency_key: "k",
      },
    };
    const { request } = read(fields);
    expect(request.labels).toEqual({ team: "b" });
    expect(request.idempotencyKey).toBe("k");
    expect(request.routing).toMatchObject({
      onlyProviders: ["providers/openai"],
      providerOrder: ["providers/b"],
      allowFallbacks: false,
      maxAttempts: 2,
      maxOutputPriceNanoUsdPerMillionTokens: 15_000_000_000n,
    });
    const written = write(fields);
    expect(written).not.toHaveProperty("penstock");
    expect(written["metadata"]).toEqual(fields.metadata);
  });

  it("make messages of the canonical kind", () => {
    const { request } = read(full);
    expect(request.$typeName).toBe(GenerateRequestSchema.typeName);
    expect(request.messages.map((message) => message.role)).toEqual([
      MessageRole.SYSTEM,
      MessageRole.SYSTEM,
      MessageRole.USER,
      MessageRole.ASSISTANT,
      MessageRole.TOOL,
      MessageRole.ASSISTANT,
    ]);
    expect(request.messages[2]!.parts[2]!.part).toMatchObject({
      case: "media",
      value: { mediaType: "image/png", source: { value: Uint8Array.of(0, 1, 2) } },
    });
  });

  it("refuse for a target what its format has no words for", () => {
    const { request } = read({ model: "m", messages: hello });
    request.messages[0]!.parts[0]!.part = { case: undefined };
    expect(() => openaiChat.writeRequest(request, { model: "u", stream: false, quirks })).toThrow(
      expect.objectContaining({ reason: "UNSUPPORTED_FIELD" }),
    );
  });

  it("name the format and type of content that only another format knows", () => {
    const { request } = read({ model: "m", messages: hello });
    const value = { format: "anthropic-messages", content: { type: "search_result" } };
    request.messages[0]!.parts[0]!.part = {
      case: "formatPart",
      value: { $typeName: "penstock.inference.v1.FormatPart", ...value },
    };
    expect(() => openaiChat.writeRequest(request, { model: "u", stream: false, quirks })).toThrow(
      'is content of anthropic-messages, "search_result", which',
    );
  });

  it("never let format parameters replace a field or name a destination", () => {
    const { request } = read({ model: "m", messages: hello });
    request.formatParameters["openai-chat"] = { model: "dear", api_base: "http://x", store: true };
    const target = { model: "u", stream: false, quirks };
    const written = JSON.parse(openaiChat.writeRequest(request, target)) as object;
    expect(written).toEqual({ model: "u", messages: hello, store: true });
    expect(() => checkFormatParameters(request)).toThrow(
      expect.objectContaining({ reason: "UNSUPPORTED_FIELD" }),
    );
    expect(() => checkFormatParameters(read(full).request)).not.toThrow();
  });
});

describe("readRequest refuses", () => {
  const one = (fields: object): object => ({ model: "m", messages: hello, ...fields });
  it.each<[object, string]>([
    [{ model: 5 }, "model"],
    [{ model: "" }, "model"],
    [{ model: "a\r\nX: y" }, "model"],
    [{ model: null }, "model"],
    [{ messages: { "0": {} } }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: ["x"] }, "messages[0]"],
    [{ messages: [{ role: "function", name: "f", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [] }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: { text: "x" } }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "video" }] }] }, "messages[0].content[0].type"],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"],
    [
      {
        messages: [
          { role: "user", content: [{ type: "image_url", image_url: { url: "file:///x" } }] },
        ],
      },
      "messages[0].content[0].image_url.url",
    ],
    [
      {
        messages: [
          {
            role: "user",
            content: [{ type: "image_url", image_url: { url: "data:text/html;base64,AA==" } }],
          },
        ],
      },
      "messages[0].content[0].image_url.url",
    ],
    [{ messages: [{ role: "assistant", tool_calls: {} }] }, "messages[0].tool_calls"],
    [
      {
        messages: [
          { role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: {} } }] },
        ],
      },
      "messages[0].tool_calls[0].function.arguments",
    ],
    [{ max_tokens: -1 }, "max_tokens"],
    [{ max_tokens: 2 ** 63 }, "max_tokens"],
    [{ max_tokens: 0.1 }, "max_tokens"],
    [{ max_tokens: 5, max_completion_tokens: 6 }, "max_tokens"],
    [{ n: 0 }, "n"],
    [{ n: 129 }, "n"],
    [{ temperature: 2.1 }, "temperature"],
    [{ temperature: "hot" }, "temperature"],
    [{ top_p: -0.1 }, "top_p"],
    [{ stream: "yes" }, "stream"],
    [{ stream_options: { include_usage: 1 } }, "stream_options.include_usage"],
    [{ stop: Array(17).fill("a") }, "stop"],
    [{ stop: [5] }, "stop[0]"],
    [{ seed: 2 ** 53 }, "seed"],
    [{ user: "x".repeat(257) }, "user"],
    [{ metadata: { a: "x".repeat(513) } }, "metadata.a"],
    [{ metadata: { a: 5 } }, "metadata.a"],
    [{ tools: [tool, tool] }, "tools[1].function.name"],
    [{ tools: [{ type: "function" }] }, "tools[0].function"],
    [{ tools: Array(513).fill(tool) }, "tools"],
    [{ tool_choice: "some" }, "tool_choice"],
    [
      { tool_choice: { type: "function", function: { name: "g" } }, tools: [tool] },
      "tool_choice.function.name",
    ],
    [{ tool_choice: "required" }, "tool_choice"],
    [{ response_format: { type: "xml" } }, "response_format.type"],
    [
      { penstock: { routing: { only_providers: ["open ai"] } } },
      "penstock.routing.only_providers[0]",
    ],
    [{ penstock: { routing: { maxAttempts: 0 } } }, "penstock.routing.maxAttempts"],
    [{ penstock: { x: 1 } }, "penstock.x"],
    [{ penstock: { labels: { a: "x".repeat(65) } } }, "penstock.labels.a"],
  ])("%j as %s", (fields, field) => {
    expect(violations(one(fields))).toEqual(["FIELD_INVALID", [field]]);
  });

  it.each([
    "api_base",
    "base_url",
    "custom_host",
    "api_key",
    "extra_headers",
    "extra_body",
    "API-Base",
    "fallbacks",
    "aws_secret_access_key",
    "functions",
    "function_call",
    "best_of",
    "audio",
  ])("the field %s by name", (field) => {
    expect(violations(one({ [field]: "x" }))).toEqual(["UNSUPPORTED_FIELD", [field]]);
  });

  it("negative zero, which JSON can say", () => {
    const body = encode(
      `{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":-0}`,
    );
    expect(() => openaiChat.readRequest(body)).toThrow(GatewayError);
  });

  it.each([
    [
      { role: "user", content: null },
      /content must be text or a list of parts; only an assistant's/,
    ],
    [{ role: "system" }, /content must be text or a list of parts; only an assistant's/],
    [{ role: "user", content: 5 }, /content must be text or a list of parts, not a number/],
  ])("%j and says what content must be", (message, sentence) => {
    const body = encode(JSON.stringify({ model: "m", messages: [message] }));
    expect(() => openaiChat.readRequest(body)).toThrow(sentence);
  });

  it("all problems at once, but no more than 20", () => {
    expect(violations({ temperature: 9, stream: 1, api_key: "x" })).toEqual([
      "FIELD_INVALID",
      ["temperature", "stream", "api_key", "model", "messages"],
    ]);
    const many = Array(100).fill({ role: "robot" });
    expect(violations({ model: "m", messages: many })[1]).toHaveLength(20);
  });

  it("nothing by another way than a refusal, whatever JSON comes", () => {
    const known = fc.record(
      Object.fromEntries(Object.keys(full).map((key) => [key, fc.jsonValue()])),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(known, (fields) => {
        expect(["", "FIELD_INVALID", "UNSUPPORTED_FIELD"]).toContain(violations(fields)[0]);
      }),
      { numRuns: 500 },
    );
  });
});
