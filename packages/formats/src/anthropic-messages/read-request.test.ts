import { MessageRole, ToolChoiceMode } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FormatQuirks, TargetRequest } from "../format.ts";
import { encode } from "../conformance/read-outcome.fixture.ts";
import { anthropicMessages } from "./anthropic-messages.ts";
import { readCountRequest } from "./read-request.ts";

const quirks: FormatQuirks = {
  maxTokensField: "max_tokens",
  sendsDeveloperRole: false,
  supportsStreamUsage: true,
};

const read = (fields: object) => anthropicMessages.readRequest(encode(JSON.stringify(fields)));

function write(fields: object, change: Partial<TargetRequest> = {}): Record<string, unknown> {
  const { request, stream } = read(fields);
  const target = { model: "upstream", stream, quirks, ...change };
  return JSON.parse(anthropicMessages.writeRequest(request, target)) as Record<string, unknown>;
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

const marked = { cache_control: { type: "ephemeral", ttl: "1h" } };
const citation = { type: "char_location", cited_text: "x", document_index: 0 };

/** A request that uses everything of the format that is known, and words that are not. */
const full = {
  model: "claude",
  max_tokens: 2_048,
  system: [
    { type: "text", text: "You are brief." },
    { type: "text", text: "Long context", ...marked },
  ],
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "See", new_member: 1 },
        { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AAEC" } },
        { type: "image", source: { type: "file", file_id: "file_1" } },
        {
          type: "document",
          source: { type: "base64", media_type: "application/pdf", data: "AAEC" },
          title: "a.pdf",
          context: "c",
          citations: { enabled: true },
          cache_control: { type: "ephemeral", scope: "global" },
        },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "words" } },
        { type: "document", source: { type: "content", content: "own" } },
        { type: "search_result", source: "s", title: "t", content: [] },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm", signature: "c2ln" },
        { type: "redacted_thinking", data: "b3BhcXVl" },
        { type: "text", text: "I'll look", citations: [citation] },
        { type: "server_tool_use", id: "srv_1", name: "web_search", input: { query: "q" } },
        { type: "tool_use", id: "toolu_1", name: "f", input: { a: 1 }, caller: { type: "direct" } },
        { type: "tool_use", id: "toolu_2", name: "g", input: {}, ...marked },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool_result",
          tool_use_id: "toolu_1",
          content: [
            { type: "text", text: "42", extra: true },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "AAEC" } },
          ],
        },
        {
          type: "tool_result",
          tool_use_id: "toolu_2",
          content: "failed",
          is_error: true,
          cache_control: { type: "ephemeral" },
        },
        { type: "text", text: "and?" },
      ],
      note: "kept",
    },
    { role: "system", content: "Now in French." },
    { role: "assistant", content: "Bon" },
  ],
  stream: true,
  tools: [
    {
      name: "f",
      description: "d",
      input_schema: { type: "object", additionalProperties: false },
      strict: true,
      input_examples: [{}],
      ...marked,
    },
    { name: "g", input_schema: { type: "object" } },
    { type: "web_search_20250305", name: "web_search", max_uses: 5 },
  ],
  tool_choice: { type: "tool", name: "f", disable_parallel_tool_use: true },
  thinking: { type: "enabled", budget_tokens: 1_500, display: "summarized" },
  output_config: {
    effort: "high",
    format: { type: "json_schema", schema: { type: "object" } },
    new_member: 1,
  },
  temperature: 1,
  top_p: 0.5,
  top_k: 7,
  stop_sequences: ["a", "b"],
  metadata: { user_id: "u1", team: "t" },
  service_tier: "standard_only",
  container: "c",
  inference_geo: "eu",
};

describe("reading a request", () => {
  it("keeps everything on the way to a target of the same format", () => {
    expect(write(full)).toEqual({ ...full, model: "upstream" });
  });

  it("has a place for what others know too", () => {
    const { request, stream, includeUsage, session } = read(full);
    expect({ stream, includeUsage, session }).toEqual({
      stream: true,
      includeUsage: true,
      session: "u1",
    });
    expect(request.messages.map(({ role, rawRole }) => [role, rawRole])).toEqual([
      [MessageRole.SYSTEM, undefined],
      [MessageRole.USER, undefined],
      [MessageRole.ASSISTANT, undefined],
      [MessageRole.TOOL, undefined],
      [MessageRole.USER, undefined],
      [MessageRole.SYSTEM, "system"],
      [MessageRole.ASSISTANT, undefined],
    ]);
    expect(request.messages[0]!.parts[1]!.cacheMarker?.timeToLive).toBe("1h");
    expect(request.tools[0]!.cacheMarker?.timeToLive).toBe("1h");
    expect(request).toMatchObject({
      toolChoice: { mode: ToolChoiceMode.NAMED, toolName: "f", parallel: false },
      sampling: { maxOutputTokens: 2_048, temperature: 1, topP: 0.5, topK: 7 },
      reasoning: { effort: "high", maxTokens: 1_500 },
      responseFormat: { format: { case: "jsonSchema" } },
      endUser: "u1",
    });
    expect(Object.keys(request.formatParameters)).toEqual(["anthropic-messages"]);
  });

  it("takes plain text for content, and writes it as plain text", () => {
    const plain = {
      model: "m",
      max_tokens: 1,
      system: "s",
      messages: [{ role: "user", content: "Hello" }],
    };
    expect(write(plain)).toEqual({ ...plain, model: "upstream" });
  });

  it.each<[string, object, string[]]>([
    ["nothing", {}, ["model", "max_tokens", "messages"]],
    ["no messages", { messages: [] }, ["messages"]],
    ["a role", { messages: [{ role: "tool", content: "x" }] }, ["messages[0].role"]],
    ["no content", { messages: [{ role: "user" }] }, ["messages[0].content"]],
    ["empty content", { messages: [{ role: "user", content: [] }] }, ["messages[0].content"]],
    [
      "a block where it can't stand",
      { messages: [{ role: "user", content: [{ type: "tool_use" }] }] },
      ["messages[0].content[0].type"],
    ],
    [
      "an image that is none",
      {
        messages: [
          {
            role: "user",
            content: [
              {
                type: "image",
                source: { type: "base64", media_type: "image/png", data: "%" },
              },
              { type: "image", source: { type: "url", url: "file:///etc/passwd" } },
            ],
          },
        ],
      },
      ["messages[0].content[0].source.data", "messages[0].content[1].source.url"],
    ],
    ["max_tokens of zero", { max_tokens: 0 }, ["max_tokens"]],
    ["a temperature of two", { temperature: 2 }, ["temperature"]],
    ["a tool without schema", { tools: [{ name: "f" }] }, ["tools[0].input_schema"]],
    [
      "a tool that is not there",
      { tool_choice: { type: "tool", name: "f" } },
      ["tool_choice.name"],
    ],
    ["any tool of none", { tool_choice: { type: "any" } }, ["tool_choice"]],
    [
      "a marker",
      { system: [{ type: "text", text: "x", cache_control: { type: "x" } }] },
      ["system[0].cache_control.type"],
    ],
  ])("refuses %s", (name, change, fields) => {
    const good = { model: "m", max_tokens: 1, messages: [{ role: "user", content: "x" }] };
    expect(violations(name === "nothing" ? {} : { ...good, ...change })).toEqual([
      "FIELD_INVALID",
      fields,
    ]);
  });

  it("lets nobody choose a destination", () => {
    const body = { model: "m", max_tokens: 1, messages: [{ role: "user", content: "x" }] };
    expect(violations({ ...body, api_base: "x" })).toEqual(["UNSUPPORTED_FIELD", ["api_base"]]);
  });

  it("counts without a number of output tokens", () => {
    const body = { model: "m", messages: [{ role: "user", content: "x" }] };
    expect(readCountRequest(encode(JSON.stringify(body))).request.model).toBe("m");
    expect(violations(body)).toEqual(["FIELD_INVALID", ["max_tokens"]]);
  });

  it("carries unknown fields along, wherever they stand", () => {
    const unknown = fc.dictionary(fc.stringMatching(/^x_[a-z]{1,6}$/), fc.jsonValue(), {
      maxKeys: 3,
    });
    fc.assert(
      fc.property(unknown, unknown, unknown, unknown, (top, message, block, tool) => {
        const body = {
          model: "upstream",
          max_tokens: 1,
          messages: [
            { role: "user", content: [{ type: "text", text: "x", ...block }], ...message },
            { role: "assistant", content: [{ type: "text", text: "y", ...block }] },
          ],
          tools: [{ name: "f", input_schema: { type: "object" }, ...tool }],
          ...top,
        };
        // JSON has no negative zero, and null says nothing.
        fc.pre(!/-0|null|__proto__|"prototype"/.test(JSON.stringify(body)));
        const written = write(body) as { messages: { content: unknown }[] };
        const expected = JSON.parse(JSON.stringify(body)) as typeof body;
        if (Object.keys(block).length === 0) {
          for (const one of expected.messages) {
            (one as { content: unknown }).content = one.content[0]!.text;
          }
        }
        expect(written).toEqual(expected);
      }),
    );
  });
});

const text = fc.string({ minLength: 1, maxLength: 12 });
const id = fc.stringMatching(/^toolu_[a-z0-9]{1,6}$/);
const marker = fc.option(fc.constantFrom({ type: "ephemeral" }, { type: "ephemeral", ttl: "5m" }), {
  nil: undefined,
});
const withMarker = (block: fc.Arbitrary<object>) =>
  fc.tuple(block, marker).map(([one, cache]) => (cache ? { ...one, cache_control: cache } : one));
// Blank texts, and a blank end of the last, are refused by the API and not written.
const words = text.map((one) => `${one}.`);
const textBlock = withMarker(fc.record({ type: fc.constant("text"), text: words }));
const image = withMarker(
  fc.record({
    type: fc.constant("image"),
    source: fc
      .uint8Array({ minLength: 1, maxLength: 9 })
      .map((bytes) => ({ type: "base64", media_type: "image/png", data: bytes.toBase64() })),
  }),
);
const toolUse = withMarker(
  fc.record({
    type: fc.constant("tool_use"),
    id,
    name: text,
    input: fc.dictionary(text, fc.nat()),
  }),
);
const thinking = fc.record({ type: fc.constant("thinking"), thinking: text, signature: text });
const result = withMarker(
  fc.record(
    {
      type: fc.constant("tool_result"),
      tool_use_id: id,
      content: fc.array(fc.oneof(textBlock, image), { minLength: 2, maxLength: 3 }),
      is_error: fc.constant(true),
    },
    { requiredKeys: ["type", "tool_use_id", "content"] },
  ),
);
const many = (block: fc.Arbitrary<object>) => fc.array(block, { minLength: 2, maxLength: 4 });
const userTurn = fc
  .tuple(fc.array(result, { maxLength: 2 }), many(fc.oneof(textBlock, image)))
  .map(([results, rest]) => ({ role: "user", content: [...results, ...rest] }));
const assistantTurn = many(fc.oneof(textBlock, toolUse, thinking)).map((content) => ({
  role: "assistant",
  content,
}));
const body = fc.record(
  {
    model: fc.constant("upstream"),
    max_tokens: fc.integer({ min: 1, max: 9_999 }),
    system: many(textBlock),
    messages: fc
      .array(fc.tuple(userTurn, assistantTurn), { minLength: 1, maxLength: 3 })
      .map((turns) => turns.flat()),
    stop_sequences: fc.array(words, { minLength: 1, maxLength: 3 }),
    temperature: fc.constantFrom(0, 0.5, 1),
    tool_choice: fc.constantFrom({ type: "auto" }, { type: "none" }),
  },
  { requiredKeys: ["model", "max_tokens", "messages"] },
);

describe("what was read", () => {
  it("is written as it was", () => {
    fc.assert(
      fc.property(body, (fields) => {
        const tools = [{ name: "f", input_schema: { type: "object" } }];
        const whole = JSON.parse(JSON.stringify({ ...fields, tools })) as object;
        fc.pre(!/__proto__|"prototype"/.test(JSON.stringify(whole)));
        expect(write(whole)).toEqual(whole);
        const again = read(write(whole));
        expect(again.request).toEqual(read(whole).request);
      }),
      { numRuns: 300 },
    );
  });
});
