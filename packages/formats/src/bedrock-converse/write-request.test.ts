import { MessageRole, ToolChoiceMode } from "@penstock/api";
import { describe, expect, it } from "vitest";
import fixtures from "./__fixtures__/requests.json" with { type: "json" };
import { claude, readChat, readConverse, write } from "./converse-request.fixture.ts";
import { checkConverseParameters } from "./write-request.ts";

describe("requests of other formats", () => {
  it("become turns of two speakers, instructions apart", () => {
    const request = readChat({
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
    const request = readChat({
      top_k: 5,
      seed: 1,
      presence_penalty: 1,
      reasoning_effort: "minimal",
    });
    const anthropic = write(request);
    // A model without efforts thinks with a budget.
    expect(anthropic.body["additionalModelRequestFields"]).toEqual({
      thinking: { type: "enabled", budget_tokens: 3_200 },
    });
    expect(anthropic.body["outputConfig"]).toBeUndefined();
    const common = ["parameter_dropped", "parameter_dropped"];
    expect(anthropic.warnings).toEqual(["approximated", "parameter_dropped", ...common]);
    const newer = write(request, "us.anthropic.claude-opus-4-6-v1");
    expect(newer.body["outputConfig"]).toEqual({ effort: "low" });
    expect(newer.body["additionalModelRequestFields"]).toEqual({ thinking: { type: "adaptive" } });
    request.reasoning!.maxTokens = 1_000;
    const thinking = write(request);
    // What Claude takes: no smaller budget, and nothing that changes how it samples.
    expect(thinking.body["additionalModelRequestFields"]).toEqual({
      thinking: { type: "enabled", budget_tokens: 1_024 },
    });
    expect(thinking.warnings).toEqual(["parameter_changed", "parameter_dropped", ...common]);
    const nova = write(request, "amazon.nova-pro-v1:0");
    expect(nova.body["inferenceConfig"]).toBeUndefined();
    expect(nova.body["additionalModelRequestFields"]).toEqual({ inferenceConfig: { topK: 5 } });
    expect(write(request, "meta.llama3-70b-instruct-v1:0").warnings).toHaveLength(5);
  });

  // docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html.
  it("tell the second generation of Nova an effort among its own fields", () => {
    const effort = (reasoning_effort: string, model = "us.amazon.nova-2-lite-v1:0") => {
      const { body, warnings } = write(readChat({ reasoning_effort }), model);
      return [body["additionalModelRequestFields"], warnings];
    };
    const enabled = { type: "enabled", maxReasoningEffort: "low" };
    expect(effort("low")).toEqual([{ reasoningConfig: enabled }, []]);
    expect(effort("minimal")[1]).toEqual(["reasoning_effort_approximated"]);
    expect(effort("none")).toEqual([undefined, []]);
    expect(effort("low", "amazon.nova-pro-v1:0")).toEqual([undefined, ["parameter_dropped"]]);
  });

  // docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_{InferenceConfiguration,
  // ToolResultContentBlock,DocumentBlock}.html.
  it("keep to the bounds of the API", () => {
    const { body, warnings } = write(
      readChat({ temperature: 1.5 }),
      "meta.llama3-70b-instruct-v1:0",
    );
    expect(body["inferenceConfig"]).toEqual({ temperature: 1 });
    expect(warnings).toEqual(["parameter_changed"]);
    const stops = write(readChat({ stop: ["\n", "END"] }));
    expect(stops.body["inferenceConfig"]).toEqual({ stopSequences: ["END"] });
    const prefill = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ];
    expect(() => write(readChat({ messages: prefill }), "anthropic.claude-opus-5")).toThrow(
      /messages\[1\]/,
    );
  });

  it("give documents names of their own, throughout the conversation", () => {
    const file = (filename: string) => ({
      type: "file",
      file: { filename, file_data: "data:application/pdf;base64,JVBERg==" },
    });
    const { body } = write(
      readChat({
        messages: [
          { role: "user", content: [file("a.pdf"), file("A.pdf"), file("??.pdf")] },
          { role: "assistant", content: "ok" },
          { role: "user", content: [file("b.pdf"), file("a.pdf"), file("??.pdf")] },
        ],
      }),
    );
    expect([...JSON.stringify(body).matchAll(/"name":"([^"]+)"/g)].map(([, name]) => name)).toEqual(
      ["a", "A 2", "document 3", "b", "a 3", "document 3 2"],
    );
  });

  it("mark a stretch for the cache behind a result, since nothing can be marked in it", () => {
    const marked = { type: "text", text: "1", cache_control: { type: "ephemeral" } };
    const calls = [{ id: "a", type: "function", function: { name: "w", arguments: "" } }];
    const { body } = write(
      readChat({
        messages: [
          { role: "assistant", tool_calls: calls },
          { role: "tool", tool_call_id: "a", content: [marked] },
        ],
      }),
    );
    expect(body["messages"]).toEqual([
      expect.anything(),
      {
        role: "user",
        content: [
          { toolResult: { toolUseId: "a", content: [{ text: "1" }] } },
          { cachePoint: { type: "default" } },
        ],
      },
    ]);
  });

  it("ask for a tier by the names that are known there", () => {
    const flexible = write(readChat({ service_tier: "flex" }));
    expect(flexible.body["serviceTier"]).toEqual({ type: "flex" });
    const automatic = write(readChat({ service_tier: "auto" }));
    expect(automatic.body["serviceTier"]).toBeUndefined();
    expect(automatic.warnings).toEqual(["service_tier_dropped"]);
  });

  it("ask for JSON by a schema, and say that there is none without", () => {
    const schema = { type: "object" };
    const json_schema = { name: "n", schema };
    const { body } = write(readChat({ response_format: { type: "json_schema", json_schema } }));
    expect(body["outputConfig"]).toEqual({
      textFormat: {
        type: "json_schema",
        structure: {
          jsonSchema: {
            schema: JSON.stringify({ ...schema, additionalProperties: false }),
            name: "n",
          },
        },
      },
    });
    const free = write(readChat({ response_format: { type: "json_object" } }));
    expect(free.warnings).toEqual(["response_format_dropped"]);
    expect(free.body["outputConfig"]).toBeUndefined();
  });

  it("send files by their kind, and refuse what is elsewhere", () => {
    const file = {
      filename: "Q3/report_final.pdf",
      file_data: "data:application/pdf;base64,JVBERg==",
    };
    const content = [{ type: "file", file }];
    const { body } = write(readChat({ messages: [{ role: "user", content }] }));
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
    expect(() => write(readChat({ messages: [{ role: "user", content: remote }] }))).toThrow(
      expect.objectContaining({ reason: "UNSUPPORTED_FIELD" }),
    );
  });

  it("never let the provider read from S3 with the gateway's identity", () => {
    const source = { s3Location: { uri: "s3://bucket/secret" } };
    const messages = [{ role: "user", content: [{ image: { format: "png", source } }] }];
    const refused = expect.objectContaining({ reason: "UNSUPPORTED_FIELD" }) as Error;
    expect(() => write(readConverse({ messages }))).toThrow(refused);
    const plain = [{ role: "user", content: [{ text: "x" }] }];
    expect(() => write(readConverse({ messages: plain, aField: [{ a: source }] }))).toThrow(
      refused,
    );
    const tools = [{ systemTool: { name: "t", source } }];
    expect(() => write(readConverse({ messages: plain, toolConfig: { tools } }))).toThrow(refused);
  });

  it("take only bounds and names that are accepted there", () => {
    const tool = { type: "function", function: { name: "n".repeat(65) } };
    expect(() => write(readChat({ tools: [tool] }))).toThrow(/tools\[0\]\.name/);
    expect(() => write(readChat({ n: 2 }))).toThrow(/candidate_count/);
    const calls = [{ id: "a", type: "function", function: { name: "w", arguments: `{"c":` } }];
    const messages = [{ role: "assistant", tool_calls: calls }];
    expect(() => write(readChat({ messages }))).toThrow(/arguments_json/);
  });

  it("keep to what the request itself says, whatever stands in the format's parameters", () => {
    const request = readChat({ max_tokens: 10 });
    request.formatParameters["bedrock-converse"] = {
      inferenceConfig: { maxTokens: 99_999, topK: 3 },
      messages: [],
      modelId: "other",
      guardrailConfig: { guardrailIdentifier: "g" },
    };
    expect(() => checkConverseParameters(request)).toThrow(
      expect.objectContaining({
        fieldViolations: ["inferenceConfig.maxTokens", "messages", "modelId"].map((name) =>
          expect.objectContaining({ field: `format_parameters["bedrock-converse"].${name}` }),
        ),
      }),
    );
    const { body } = write(request);
    expect(body["inferenceConfig"]).toEqual({ maxTokens: 10, topK: 3 });
    expect(body["messages"]).toEqual([{ role: "user", content: [{ text: "Hi" }] }]);
    expect(body["modelId"]).toBeUndefined();
    expect(body["guardrailConfig"]).toEqual({ guardrailIdentifier: "g" });
  });

  it("may carry what only this format has words for", () => {
    const request = readConverse(fixtures.requests[2]!.body);
    expect(() => checkConverseParameters(request)).not.toThrow();
  });

  it("send a thought back only where it is signed", () => {
    const request = readChat({
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
    const request = readChat({ tools, tool_choice: "none" });
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
