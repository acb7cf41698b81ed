import { MessageRole } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FormatQuirks } from "../format.ts";
import { openaiChat } from "../openai-chat/openai-chat.ts";
import codex from "./__fixtures__/codex-request.json" with { type: "json" };
import { openaiResponses } from "./openai-responses.ts";
import { encode } from "../conformance/read-outcome.fixture.ts";

type Body = Record<string, unknown>;

const quirks: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
};

function read(fields: object): ReturnType<typeof openaiResponses.readRequest> {
  return openaiResponses.readRequest(encode(JSON.stringify(fields)));
}

function write(fields: object, warnings: string[] = []): Body {
  const { request, stream } = read(fields);
  const warn = (warning: string): void => void warnings.push(warning);
  const target = { model: "upstream", stream, quirks, warn };
  return JSON.parse(openaiResponses.writeRequest(request, target)) as Body;
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

/** A request that uses everything, written as the writer writes it. */
const full = {
  model: "upstream",
  instructions: "Be brief.",
  input: [
    { type: "message", role: "developer", content: "In metres." },
    {
      type: "message",
      role: "user",
      content: [
        { type: "input_text", text: "See", prompt_cache_breakpoint: { mode: "explicit" } },
        { type: "input_image", detail: "low", image_url: "https://example.com/a.png" },
        { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AAEC" },
        { type: "input_image", detail: "auto", file_id: "file-2" },
        { type: "input_file", file_id: "file-1" },
        { type: "input_file", file_url: "https://example.com/a.pdf" },
        {
          type: "input_file",
          file_data: "data:application/pdf;base64,AAEC",
          filename: "a.pdf",
        },
        { type: "input_audio", input_audio: { data: "AAEC", format: "mp3" } },
      ],
      status: "completed",
    },
    {
      type: "reasoning",
      id: "rs_1",
      summary: [{ type: "summary_text", text: "hm" }],
      encrypted_content: "gAAA",
    },
    {
      type: "message",
      id: "msg_1",
      role: "assistant",
      status: "completed",
      phase: "commentary",
      content: [
        { type: "output_text", text: "It is", annotations: [] },
        { type: "refusal", refusal: "no" },
      ],
    },
    {
      type: "message",
      id: "msg_2",
      role: "assistant",
      content: [{ type: "output_text", text: "!" }],
    },
    { type: "function_call", id: "fc_1", call_id: "c1", name: "f", arguments: '{"a":1' },
    { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search" } },
    { type: "function_call_output", id: "fco_1", call_id: "c1", output: "42" },
    {
      type: "function_call_output",
      call_id: "c2",
      output: [
        { type: "input_text", text: "see" },
        { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AAEC" },
      ],
    },
    { type: "custom_tool_call_output", call_id: "c3", output: "ok" },
    { type: "mcp_approval_response", approve: true, approval_request_id: "a" },
  ],
  tools: [
    {
      type: "function",
      name: "f",
      description: "d",
      parameters: { type: "object" },
      strict: true,
      defer_loading: true,
    },
    { type: "web_search", filters: { allowed_domains: ["example.com"] } },
    { type: "custom", name: "patch", format: { type: "text" } },
  ],
  tool_choice: { type: "function", name: "f" },
  parallel_tool_calls: false,
  max_output_tokens: 700,
  temperature: 0,
  top_p: 0.5,
  top_logprobs: 3,
  include: ["reasoning.encrypted_content", "message.output_text.logprobs"],
  text: {
    verbosity: "low",
    format: { type: "json_schema", name: "n", description: "d", schema: {}, strict: false },
  },
  reasoning: { effort: "low", summary: "auto" },
  service_tier: "flex",
  user: "u",
  metadata: { app: "demo" },
  store: true,
  stream: true,
  stream_options: { include_obfuscation: false },
  truncation: "auto",
  max_tool_calls: 4,
  prompt_cache_key: "k",
  safety_identifier: "s",
  x_unknown: [{ deep: null }],
};

describe("a request, read and written again", () => {
  it("is the same, with everything it carries", () => {
    expect(write(full)).toEqual(full);
  });

  it("is the same for Codex", () => {
    const { request, stream } = read(codex.body);
    expect(stream).toBe(true);
    expect(
      request.messages.map(({ role, parts }) => [role, ...parts.map((one) => one.part.case)]),
    ).toEqual([
      [MessageRole.SYSTEM, "text"],
      [MessageRole.SYSTEM, "text"],
      [MessageRole.USER, "text"],
      [MessageRole.ASSISTANT, "reasoning", "toolCall"],
      [MessageRole.TOOL, "toolResult"],
      [MessageRole.ASSISTANT, "formatPart"],
      [MessageRole.TOOL, "formatPart"],
      [MessageRole.ASSISTANT, "text"],
      [MessageRole.USER, "text"],
    ]);
    const written = write(codex.body);
    expect({ ...written, input: undefined }).toEqual({
      ...codex.body,
      model: "upstream",
      input: undefined,
    });
    // A single text is written without a list.
    const plain = (items: unknown): unknown =>
      (items as Body[]).map(({ content, ...item }) => {
        const [only] = Array.isArray(content) ? (content as Body[]) : [];
        const isInput = only?.["type"] === "input_text";
        return { ...item, content: isInput ? only["text"] : content };
      });
    expect(plain(written["input"])).toEqual(plain(codex.body.input));
  });

  it("goes on as it came to a target of the format, told to store nothing", () => {
    const body = JSON.stringify({ model: "a", input: "hi", odd: "ü" });
    const { request, forwardable } = openaiResponses.readRequest(encode(body));
    const target = { model: "up/ü", stream: false, quirks };
    const edit = openaiResponses.forwardRequest(forwardable!, request, target)!;
    const bytes = encode(body);
    const decode = (part: Uint8Array): string => new TextDecoder().decode(part);
    const sent =
      decode(bytes.subarray(0, edit.start)) + edit.text + decode(bytes.subarray(edit.end));
    expect(JSON.parse(sent)).toEqual({
      model: "up/ü",
      store: false,
      input: "hi",
      odd: "ü",
    });
    const said = read({ model: "a", input: "hi", store: true });
    const kept = openaiResponses.forwardRequest(said.forwardable!, said.request, target);
    expect(kept?.text).toBe('"up/\\u00fc"');
  });

  it("is written anew where a signature of another format must stay behind", () => {
    const item = {
      type: "reasoning",
      summary: [],
      encrypted_content: "penstock:anthropic-messages:s",
    };
    const { request, forwardable } = read({
      model: "a",
      input: [item, { role: "user", content: "x" }],
    });
    expect(request.messages[0]?.parts[0]?.part.value).toMatchObject({
      signature: "s",
      signatureIssuer: "anthropic-messages",
    });
    const target = { model: "u", stream: false, quirks };
    expect(openaiResponses.forwardRequest(forwardable!, request, target)).toBeUndefined();
    const warnings: string[] = [];
    expect(
      write({ model: "a", input: [item, { role: "user", content: "x" }] }, warnings)["input"],
    ).toEqual([{ type: "message", role: "user", content: "x" }]);
    expect(warnings).toEqual([expect.stringContaining("signature")]);
  });

  it("says what it can't say of parameters of other formats", () => {
    const chat = {
      model: "m",
      messages: [{ role: "user", content: "x" }],
      seed: 1,
      stop: "x",
      top_k: 2,
      frequency_penalty: 1,
      presence_penalty: 1,
      metadata: { app: "demo" },
      prompt_cache_key: "k",
      verbosity: "low",
      service_tier: "flex",
    };
    const { request } = openaiChat.readRequest(encode(JSON.stringify(chat)));
    const warnings: string[] = [];
    const warn = (warning: string): void => void warnings.push(warning.split(" ")[1]!);
    const target = { model: "u", stream: false, quirks, warn };
    expect(JSON.parse(openaiResponses.writeRequest(request, target))).toEqual({
      model: "u",
      input: [{ type: "message", role: "user", content: "x" }],
      metadata: { app: "demo" },
      prompt_cache_key: "k",
      text: { verbosity: "low" },
      service_tier: "flex",
      store: false,
    });
    expect(warnings.toSorted()).toEqual([
      "frequency_penalty",
      "presence_penalty",
      "seed",
      "stop_sequences",
      "top_k",
    ]);
  });
});

describe("a request of the Responses API", () => {
  it.each<[string, object, string[]]>([
    ["previous_response_id", { previous_response_id: "resp_1" }, ["previous_response_id"]],
    ["conversation", { conversation: { id: "c" } }, ["conversation"]],
    ["background", { background: true }, ["background"]],
    ["item_reference", { input: [{ type: "item_reference", id: "rs_1" }] }, ["input[0].type"]],
    ["api_base", { api_base: "http://x" }, ["api_base"]],
  ])("that needs %s is refused by name", (_name, fields, paths) => {
    expect(violations({ model: "m", input: "x", ...fields })).toEqual(["UNSUPPORTED_FIELD", paths]);
  });

  it.each<[string, object, string[]]>([
    ["no model", { model: undefined }, ["model"]],
    ["no input", { input: undefined }, ["input"]],
    ["empty input", { input: [] }, ["input"]],
    ["input of numbers", { input: [1] }, ["input[0]"]],
    ["an unknown role", { input: [{ role: "tool", content: "x" }] }, ["input[0].role"]],
    ["no content", { input: [{ role: "user" }] }, ["input[0].content"]],
    [
      "a part of another format",
      { input: [{ role: "user", content: [{ type: "text", text: "x" }] }] },
      ["input[0].content[0].type"],
    ],
    [
      "an image that is none",
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "file:///x" }] }] },
      ["input[0].content[0].image_url"],
    ],
    [
      "a call without arguments",
      { input: [{ type: "function_call", call_id: "c", name: "f" }] },
      ["input[0].arguments"],
    ],
    ["a tool without a name", { tools: [{ type: "function" }] }, ["tools[0].name"]],
    ["a tool without a type", { tools: [{ name: "f" }] }, ["tools[0].type"]],
    ["a choice of no tool", { tool_choice: { type: "function", name: "f" } }, ["tool_choice.name"]],
    [
      "a schema without a name",
      { text: { format: { type: "json_schema" } } },
      ["text.format.name", "text.format.schema"],
    ],
    ["too many probabilities", { top_logprobs: 21 }, ["top_logprobs"]],
    ["half a token", { max_output_tokens: 0.5 }, ["max_output_tokens"]],
  ])("with %s is refused with the path", (_name, fields, paths) => {
    expect(violations({ model: "m", input: "x", ...fields })).toEqual(["FIELD_INVALID", paths]);
  });

  it("asks in plain words", () => {
    const { request } = read({ model: "m", input: "hi", instructions: "be" });
    expect(request.messages).toMatchObject([
      { role: MessageRole.SYSTEM, parts: [{ part: { value: { text: "be" } } }] },
      { role: MessageRole.USER, parts: [{ part: { value: { text: "hi" } } }] },
    ]);
  });

  it("may be sent to a chat, with calls and their results side by side", () => {
    const input = [
      { role: "user", content: "x" },
      { type: "reasoning", id: "rs", summary: [], encrypted_content: "g" },
      { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
      { type: "function_call", call_id: "b", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "a", output: "1" },
      { type: "function_call_output", call_id: "b", output: "2" },
    ];
    const { request } = read({ model: "m", input, instructions: "be" });
    const target = { model: "u", stream: false, quirks };
    const { messages } = JSON.parse(openaiChat.writeRequest(request, target)) as {
      messages: Body[];
    };
    expect(messages.map(({ role }) => role)).toEqual([
      "system",
      "user",
      "assistant",
      "tool",
      "tool",
    ]);
    expect(messages[2]?.["tool_calls"]).toHaveLength(2);
  });

  it("is read and written by the rules, whatever it says", () => {
    const text = fc.string({ maxLength: 8 });
    const part = fc.oneof(
      fc.record({ type: fc.constant("input_text"), text }),
      fc.record({
        type: fc.constant("input_image"),
        image_url: fc.constant("https://a/b"),
        detail: fc.constant("low"),
      }),
    );
    const id = fc.string({ minLength: 1, maxLength: 8 });
    const item = fc.oneof(
      fc.record({
        type: fc.constant("message"),
        role: fc.constantFrom("user", "system", "developer"),
        content: fc.array(part, { minLength: 2, maxLength: 3 }),
      }),
      fc.record({
        type: fc.constant("message"),
        role: fc.constant("assistant"),
        id,
        content: fc.array(
          fc.record({ type: fc.constant("output_text"), text, annotations: fc.constant([]) }),
          { minLength: 1, maxLength: 2 },
        ),
      }),
      fc.record({
        type: fc.constant("function_call"),
        call_id: id,
        name: id,
        arguments: text,
        status: fc.constant("completed"),
      }),
      fc.record({ type: fc.constant("function_call_output"), call_id: id, output: text }),
      fc.record({
        type: fc.constant("reasoning"),
        id,
        summary: fc.constant([]),
        encrypted_content: fc.constant("g"),
      }),
      fc.record({
        type: fc.constant("local_shell_call"),
        call_id: id,
        action: fc.record({ x: text }),
      }),
    );
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 8 }), (input) => {
        expect(write({ model: "upstream", input })).toEqual({
          model: "upstream",
          input,
          store: false,
        });
      }),
      { numRuns: 300 },
    );
  });
});
