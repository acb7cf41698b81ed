import { MessageRole, ToolChoiceMode, type GenerateRequest } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FormatQuirks } from "../format.ts";
import { openaiChat } from "../openai-chat/openai-chat.ts";
import fixtures from "./__fixtures__/requests.json" with { type: "json" };
import { bedrockConverse } from "./bedrock-converse.ts";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const quirks: FormatQuirks = {
  maxTokensField: "max_tokens",
  sendsDeveloperRole: false,
  supportsStreamUsage: true,
};
const address = { model: claude, stream: true };

function read(body: unknown): GenerateRequest {
  return bedrockConverse.readRequest(encode(body), address).request;
}

function write(
  request: GenerateRequest,
  model = claude,
  more: Partial<FormatQuirks> = {},
): { body: Record<string, unknown>; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (warning: string): void => void warnings.push(warning.split(":")[0] ?? "");
  const target = { model, stream: false, quirks: { ...quirks, ...more }, warn };
  const text = bedrockConverse.writeRequest(request, target);
  return { body: JSON.parse(text) as Record<string, unknown>, warnings };
}

/** A request as it comes through OpenAI's door. */
function chat(fields: object): GenerateRequest {
  const body = { model: "m", messages: [{ role: "user", content: "Hi" }], ...fields };
  return openaiChat.readRequest(encode(body)).request;
}

describe("requests", () => {
  it.each(fixtures.requests)("$name, read and written again, is the same", ({ body }) => {
    const request = read(body);
    expect(write(request)).toEqual({ body, warnings: [] });
    expect(read(write(request).body)).toEqual(request);
  });

  it("take model and stream from the path", () => {
    const { request, stream } = bedrockConverse.readRequest(encode(fixtures.requests[0]!.body), {
      model: "a.b:c",
      stream: true,
    });
    expect([request.model, stream]).toEqual(["a.b:c", true]);
    expect(() => bedrockConverse.readRequest(encode(fixtures.requests[0]!.body))).toThrow(
      expect.objectContaining({ reason: "FIELD_INVALID" }),
    );
  });

  it("survive the round trip, whatever they say", () => {
    // A text of spaces alone is left out, since Bedrock refuses it.
    const word = fc.string({ minLength: 1, maxLength: 20 }).map((text) => `${text}.`);
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 9 }).map((value) => value.toBase64());
    const said = fc.oneof(
      fc.record({ text: word }),
      bytes.map((data) => ({ image: { format: "gif", source: { bytes: data } } })),
      fc.record({ guardContent: fc.record({ text: fc.record({ text: word }) }) }),
    );
    const input = fc.dictionary(id, fc.jsonValue(), { maxKeys: 3, noNullPrototype: true });
    const thought = fc.oneof(
      fc.record({ reasoningText: fc.record({ text: word, signature: word }) }),
      bytes.map((redactedContent) => ({ redactedContent })),
    );
    const answered = fc.oneof(
      fc.record({ text: word }),
      thought.map((reasoningContent) => ({ reasoningContent })),
      fc.record({ toolUse: fc.record({ toolUseId: id, name: id, input }) }),
    );
    const result = fc
      .record({ toolUseId: id, content: fc.array(said, { maxLength: 2 }), failed: fc.boolean() })
      .map(({ failed, ...rest }) => ({
        toolResult: failed ? { ...rest, status: "error" } : rest,
      }));
    const turn = <Block>(role: string, block: fc.Arbitrary<Block>) =>
      fc.array(block, { minLength: 1, maxLength: 3 }).map((content) => ({ role, content }));
    const body = fc.record({
      messages: fc
        .array(fc.tuple(turn("user", fc.oneof(said, result)), turn("assistant", answered)), {
          minLength: 1,
          maxLength: 3,
        })
        .map((turns) => turns.flat()),
      toolConfig: fc.constant({
        tools: [{ toolSpec: { name: "t", inputSchema: { json: { type: "object" } } } }],
      }),
    });
    fc.assert(
      fc.property(body, (given) => {
        const plain = JSON.parse(JSON.stringify(given)) as unknown;
        expect(write(read(plain))).toEqual({ body: plain, warnings: [] });
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [{}, "messages"],
    [{ messages: [{ role: "system", content: [] }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: "text" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ text: 1 }] }] }, "messages[0].content[0].text"],
    [
      { messages: [{ role: "user", content: [{ text: "a", image: {} }] }] },
      "messages[0].content[0]",
    ],
    [{ messages: [], inferenceConfig: { temperature: 2 } }, "inferenceConfig.temperature"],
    [
      { messages: [], toolConfig: { tools: [{ toolSpec: {} }] } },
      "toolConfig.tools[0].toolSpec.name",
    ],
    [{ messages: [], modelId: "other" }, "modelId"],
    [{ messages: [], region_name: "x" }, "region_name"],
  ])("tells the field at fault in %j", (body, field) => {
    expect(() => read(body)).toThrow(
      expect.objectContaining({
        fieldViolations: expect.arrayContaining([expect.objectContaining({ field })]) as unknown,
      }),
    );
  });
});

describe("requests of other formats", () => {
  it("become turns of two speakers, instructions apart", () => {
    const request = chat({
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Weather?" },
        { role: "user", content: " " },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: "call:1", type: "function", function: { name: "w", arguments: `{"c":"Ulm"}` } },
          ],
        },
        { role: "tool", tool_call_id: "call:1", content: "sunny" },
        { role: "user", content: "Thanks." },
        { role: "system", content: "Be kind." },
      ],
    });
    const { body, warnings } = write(request);
    expect(body["system"]).toEqual([{ text: "Be brief." }, { text: "Be kind." }]);
    expect(body["messages"]).toEqual([
      { role: "user", content: [{ text: "Weather?" }] },
      {
        role: "assistant",
        content: [{ toolUse: { toolUseId: "penstock_0", name: "w", input: { c: "Ulm" } } }],
      },
      {
        role: "user",
        content: [
          { toolResult: { toolUseId: "penstock_0", content: [{ text: "sunny" }] } },
          { text: "Thanks." },
        ],
      },
    ]);
    // Tools that were used must be declared.
    const empty = { type: "object", properties: {} };
    const declared = [{ toolSpec: { name: "w", inputSchema: { json: empty } } }];
    expect(body["toolConfig"]).toEqual({ tools: declared });
    expect(warnings).toEqual(["message_moved", "tools_declared"]);
  });

  it("keep what only some models know for these, and tell what is left out", () => {
    const request = chat({ top_k: 5, seed: 1, presence_penalty: 1, reasoning_effort: "minimal" });
    request.reasoning!.maxTokens = 2_000;
    const anthropic = write(request);
    expect(anthropic.body["additionalModelRequestFields"]).toEqual({
      thinking: { type: "enabled", budget_tokens: 2_000 },
      top_k: 5,
    });
    expect(anthropic.body["outputConfig"]).toEqual({ effort: "low" });
    const common = ["reasoning_effort_approximated", "parameter_dropped", "parameter_dropped"];
    expect(anthropic.warnings).toEqual(common);
    const nova = write(request, "amazon.nova-pro-v1:0");
    expect(nova.body["inferenceConfig"]).toEqual({ topK: 5 });
    expect(write(request, "meta.llama3-70b-instruct-v1:0").warnings).toHaveLength(5);
  });

  it("ask for JSON by a schema, and say that there is none without", () => {
    const schema = { type: "object" };
    const json_schema = { name: "n", schema };
    const { body } = write(chat({ response_format: { type: "json_schema", json_schema } }));
    expect(body["outputConfig"]).toEqual({
      textFormat: {
        type: "json_schema",
        structure: { jsonSchema: { schema: JSON.stringify(schema), name: "n" } },
      },
    });
    const free = write(chat({ response_format: { type: "json_object" } }));
    expect(free.warnings).toEqual(["response_format_dropped"]);
    expect(free.body["outputConfig"]).toBeUndefined();
  });

  it("send files by their kind, and refuse what is elsewhere", () => {
    const file = {
      filename: "Q3/report_final.pdf",
      file_data: "data:application/pdf;base64,JVBERg==",
    };
    const content = [{ type: "file", file }];
    const { body } = write(chat({ messages: [{ role: "user", content }] }));
    expect(body["messages"]).toEqual([
      {
        role: "user",
        content: [
          { document: { format: "pdf", name: "Q3 report final", source: { bytes: "JVBERg==" } } },
        ],
      },
    ]);
    const url = "https://example.com/a.png";
    const remote = [{ type: "image_url", image_url: { url } }];
    expect(() => write(chat({ messages: [{ role: "user", content: remote }] }))).toThrow(
      expect.objectContaining({ reason: "UNSUPPORTED_FIELD" }),
    );
  });

  it("never let the provider read from S3 with the gateway's identity", () => {
    const source = { s3Location: { uri: "s3://bucket/secret" } };
    const messages = [{ role: "user", content: [{ image: { format: "png", source } }] }];
    const refused = expect.objectContaining({ reason: "UNSUPPORTED_FIELD" }) as Error;
    expect(() => write(read({ messages }))).toThrow(refused);
    const plain = [{ role: "user", content: [{ text: "x" }] }];
    expect(() => write(read({ messages: plain, aField: [{ a: source }] }))).toThrow(refused);
    const tools = [{ systemTool: { name: "t", source } }];
    expect(() => write(read({ messages: plain, toolConfig: { tools } }))).toThrow(refused);
  });

  it("take only bounds and names that are accepted there", () => {
    const tool = { type: "function", function: { name: "n".repeat(65) } };
    expect(() => write(chat({ tools: [tool] }))).toThrow(/tools\[0\]\.name/);
    expect(() => write(chat({ n: 2 }))).toThrow(/candidate_count/);
    const calls = [{ id: "a", type: "function", function: { name: "w", arguments: `{"c":` } }];
    const messages = [{ role: "assistant", tool_calls: calls }];
    expect(() => write(chat({ messages }))).toThrow(/arguments_json/);
  });

  it("keep to what the request itself says, whatever stands in the format's parameters", () => {
    const request = chat({ max_tokens: 10 });
    request.formatParameters["bedrock-converse"] = {
      inferenceConfig: { maxTokens: 99_999, topK: 3 },
      messages: [],
      modelId: "other",
      guardrailConfig: { guardrailIdentifier: "g" },
    };
    const { body } = write(request);
    expect(body["inferenceConfig"]).toEqual({ maxTokens: 10, topK: 3 });
    expect(body["messages"]).toEqual([{ role: "user", content: [{ text: "Hi" }] }]);
    expect(body["modelId"]).toBeUndefined();
    expect(body["guardrailConfig"]).toEqual({ guardrailIdentifier: "g" });
  });

  it("send a thought back only where it is signed", () => {
    const request = chat({
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: "b", reasoning_content: "hm" },
      ],
    });
    const { body, warnings } = write(request);
    expect(body["messages"]).toHaveLength(2);
    expect(JSON.stringify(body)).not.toContain("reasoningContent");
    expect(warnings).toEqual(["reasoning_dropped"]);
    const kept = write(request, claude, { sendsReasoning: true });
    expect(JSON.stringify(kept.body)).toContain(`{"reasoningText":{"text":"hm"}}`);
  });

  it("can't refuse tools that the conversation has used", () => {
    const tools = [{ type: "function", function: { name: "w" } }];
    const request = chat({ tools, tool_choice: "none" });
    expect(write(request).body["toolConfig"]).toBeUndefined();
    expect(request.toolChoice?.mode).toBe(ToolChoiceMode.NONE);
    request.messages.push({
      $typeName: "penstock.inference.v1.Message",
      role: MessageRole.ASSISTANT,
      parts: [
        {
          $typeName: "penstock.inference.v1.ContentPart",
          part: {
            case: "toolCall",
            value: {
              $typeName: "penstock.inference.v1.ToolCallPart",
              id: "a",
              name: "w",
              argumentsJson: "",
            },
          },
        },
      ],
    });
    const { body, warnings } = write(request);
    expect(body["toolConfig"]).toMatchObject({ tools: [{ toolSpec: { name: "w" } }] });
    expect(warnings).toEqual(["tool_choice_dropped"]);
  });
});
