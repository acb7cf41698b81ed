import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import type { TargetRequest } from "../format.ts";
import { openaiChat } from "../openai-chat/openai-chat.ts";
import { encode } from "../conformance/read-outcome.fixture.ts";
import { anthropicMessages } from "./anthropic-messages.ts";
import { checkMessagesParameters } from "./write-request.ts";

const hello = [{ role: "user", content: "Hello" }];

/** What a caller of OpenAI's format asks, as a target of this one gets it. */
function translate(fields: object, change: Partial<TargetRequest> = {}) {
  const { request, stream } = openaiChat.readRequest(
    encode(JSON.stringify({ model: "m", messages: hello, ...fields })),
  );
  const warnings: string[] = [];
  const body = anthropicMessages.writeRequest(request, {
    model: "claude",
    stream,
    quirks: { maxTokensField: "max_tokens", sendsDeveloperRole: false, supportsStreamUsage: true },
    warn: (warning) => warnings.push(warning),
    ...change,
  });
  return { body: JSON.parse(body) as Record<string, unknown>, warnings };
}

function refusal(fields: object): string {
  try {
    translate(fields);
  } catch (error) {
    if (error instanceof GatewayError) return error.fieldViolations[0]?.field ?? "";
    throw error;
  }
  return "";
}

const tool = { type: "function", function: { name: "f" } };
const call = (id: string, text: string) => ({
  id,
  type: "function",
  function: { name: "f", arguments: text },
});

describe("writing a request of another format", () => {
  it("puts instructions first, and results of parallel tools into one message", () => {
    const { body, warnings } = translate({
      max_tokens: 9,
      tools: [tool],
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "x" },
        { role: "assistant", content: "", tool_calls: [call("a.1", '{"a":1}'), call("b", "{")] },
        { role: "tool", tool_call_id: "a.1", content: "1" },
        { role: "tool", tool_call_id: "b", content: "2" },
        { role: "user", content: "and?" },
        { role: "developer", content: "Be brief again." },
      ],
    });
    expect(body).toEqual({
      model: "claude",
      max_tokens: 9,
      system: [
        { type: "text", text: "Be brief." },
        { type: "text", text: "Be brief again." },
      ],
      messages: [
        { role: "user", content: "x" },
        {
          role: "assistant",
          content: [
            { type: "tool_use", id: "a_1", name: "f", input: { a: 1 } },
            { type: "tool_use", id: "b", name: "f", input: { INVALID_JSON: "{" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "a_1", content: "1" },
            { type: "tool_result", tool_use_id: "b", content: "2" },
            { type: "text", text: "and?" },
          ],
        },
      ],
      tools: [{ name: "f", input_schema: { type: "object", properties: {} } }],
    });
    expect(warnings).toEqual([
      "system_message_moved: instructions within the conversation are sent before it",
    ]);
  });

  it("asks for the deployment's number of output tokens where the caller names none", () => {
    expect(translate({}, { defaultMaxOutputTokens: 77 }).body["max_tokens"]).toBe(77);
    const usual = (model: string) => translate({}, { model }).body["max_tokens"];
    expect(usual("our-model")).toBe(4_096);
    expect(usual("claude-opus-4-1")).toBe(8_192);
    expect(usual("claude-sonnet-5-5")).toBe(64_000);
  });

  it("says what it leaves out or changes", () => {
    const { body, warnings } = translate({
      temperature: 1.5,
      seed: 1,
      frequency_penalty: 1,
      presence_penalty: 1,
      reasoning_effort: "minimal",
      messages: [
        { role: "user", content: "x", name: "bob" },
        { role: "assistant", content: "y", reasoning_content: "hm" },
      ],
    });
    expect(body).toMatchObject({ temperature: 1, output_config: { effort: "low" } });
    expect(warnings.map((one) => one.slice(0, one.indexOf(":"))).toSorted()).toEqual([
      "name_dropped",
      "parameter_changed",
      "parameter_changed",
      "parameter_dropped",
      "parameter_dropped",
      "parameter_dropped",
      "reasoning_dropped",
    ]);
    expect(JSON.stringify(body)).not.toContain("hm");
  });

  it("tells one tool at a time apart from none", () => {
    const choice = (fields: object) => translate({ tools: [tool], ...fields }).body["tool_choice"];
    expect(choice({ parallel_tool_calls: false })).toEqual({
      type: "auto",
      disable_parallel_tool_use: true,
    });
    expect(choice({ parallel_tool_calls: true })).toBeUndefined();
    expect(choice({ tool_choice: "required" })).toEqual({ type: "any" });
    expect(choice({ tool_choice: "none", parallel_tool_calls: false })).toEqual({ type: "none" });
  });

  it("keeps to a schema, and refuses what it can't promise", () => {
    const schema = { type: "object", properties: { n: { type: "integer", minimum: 1 } } };
    const format = { type: "json_schema", json_schema: { name: "n", schema } };
    const { body, warnings } = translate({ response_format: format });
    expect(body["output_config"]).toEqual({
      format: {
        type: "json_schema",
        schema: {
          type: "object",
          properties: { n: { type: "integer", description: "{minimum: 1}" } },
          additionalProperties: false,
        },
      },
    });
    expect(warnings).toHaveLength(1);
    expect(refusal({ response_format: { type: "json_object" } })).toBe("response_format");
    expect(refusal({ n: 2 })).toBe("candidate_count");
    const audio = { type: "input_audio", input_audio: { data: "AAEC", format: "mp3" } };
    expect(refusal({ messages: [{ role: "user", content: [audio] }] })).toBe(
      "messages[0].parts[0]",
    );
  });

  it("leaves out what can't stand beside thinking, and says so", () => {
    const limit = { max_completion_tokens: 3_000 };
    const ask = (fields: object) => {
      const { request } = openaiChat.readRequest(
        encode(JSON.stringify({ model: "m", messages: hello, ...limit, ...fields })),
      );
      request.reasoning = { $typeName: "penstock.inference.v1.Reasoning", maxTokens: 2_000 };
      const warnings: string[] = [];
      const text = anthropicMessages.writeRequest(request, {
        model: "claude",
        stream: false,
        quirks: {
          maxTokensField: "max_tokens",
          sendsDeveloperRole: false,
          supportsStreamUsage: true,
        },
        warn: (warning) => warnings.push(warning),
      });
      return { body: JSON.parse(text) as Record<string, unknown>, warnings };
    };
    const { body, warnings } = ask({ temperature: 0.2, top_p: 0.5 });
    expect(body).toMatchObject({ thinking: { type: "enabled", budget_tokens: 2_000 } });
    expect(body).not.toHaveProperty("temperature");
    expect(body).not.toHaveProperty("top_p");
    expect(warnings.filter((one) => one.includes("where the model thinks"))).toHaveLength(2);
    expect(ask({ temperature: 1, top_p: 0.97 }).body).toMatchObject({
      temperature: 1,
      top_p: 0.97,
    });
    const forced = ask({ tools: [tool], tool_choice: "required", temperature: 0.2 });
    expect(forced.body).not.toHaveProperty("thinking");
    expect(forced.body).toMatchObject({ tool_choice: { type: "any" }, temperature: 0.2 });
    expect(forced.warnings.join()).toContain("a tool must be called");
  });

  // The migration guides of the models at platform.claude.com/docs/en/models.
  it("keeps to what the model takes, by its name", () => {
    const asked = { reasoning_effort: "high", temperature: 0.2, top_p: 0.9, max_tokens: 10_000 };
    const ask = (model: string, fields: object) => translate({ ...asked, ...fields }, { model });
    const newest = ask("claude-opus-5-5", {});
    expect(newest.body).toMatchObject({
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "high" },
    });
    expect(newest.body).not.toHaveProperty("temperature");
    expect(newest.body).not.toHaveProperty("top_p");
    expect(newest.warnings).toEqual([
      "parameter_dropped: temperature can't be set for this model",
      "parameter_dropped: topP can't be set for this model",
    ]);
    // What is the default anyway is no loss.
    const plain = { reasoning_effort: undefined, temperature: 1, top_p: 1 };
    expect(ask("claude-sonnet-5", plain).warnings).toEqual([]);
    const both = ask("claude-haiku-4-5", { reasoning_effort: undefined });
    expect(both.body).toMatchObject({ temperature: 0.2 });
    expect(both.body).not.toHaveProperty("top_p");
    expect(both.warnings).toHaveLength(1);
    // A model without efforts thinks with a budget.
    const older = ask("claude-sonnet-4-5", { temperature: undefined, top_p: undefined });
    expect(older.body["thinking"]).toEqual({ type: "enabled", budget_tokens: 8_000 });
    expect(older.body).not.toHaveProperty("output_config");
    expect(older.warnings).toEqual(["approximated: the effort high is 8000 tokens to think with"]);
    expect(ask("claude-opus-4-6", { reasoning_effort: "xhigh" }).body).toMatchObject({
      output_config: { effort: "high" },
    });
  });

  // build-with-claude/extended-thinking, "Preserving thinking blocks", and adaptive-thinking.
  it("does not think with a budget on from a turn whose thought nobody has", () => {
    const messages = [
      ...hello,
      { role: "assistant", content: "Let me see.", tool_calls: [call("a", "{}")] },
      { role: "tool", tool_call_id: "a", content: "1" },
    ];
    const ask = (model: string, list: object[]) =>
      translate({ reasoning_effort: "low", max_tokens: 9_000, messages: list }, { model });
    const older = ask("claude-haiku-4-5", messages);
    expect(older.body).not.toHaveProperty("thinking");
    expect(older.warnings).toEqual([expect.stringMatching(/^parameter_dropped: the model can't/)]);
    const over = [...messages, { role: "assistant", content: "1." }, ...hello];
    expect(ask("claude-haiku-4-5", over).body).toHaveProperty("thinking");
    expect(ask("claude-opus-5", messages).body).toHaveProperty("thinking");
  });

  it("keeps a model from thinking as it can be kept", () => {
    const off = (model: string) => {
      const { body } = translate({ reasoning_effort: "none" }, { model });
      return [body["thinking"], body["output_config"]];
    };
    expect(off("claude-haiku-5-5")).toEqual([{ type: "disabled" }, undefined]);
    expect(off("claude-sonnet-5-5")).toEqual([{ type: "between_tools" }, undefined]);
    expect(off("claude-opus-5-5")).toEqual([undefined, { effort: "low" }]);
  });

  it("sends no order to call a tool to a model that takes none", () => {
    const fields = { tools: [tool], tool_choice: "required" };
    expect(() => translate(fields, { model: "claude-sonnet-5-5" })).toThrow(/tool_choice/);
    expect(translate(fields, { model: "claude-sonnet-5" }).body["tool_choice"]).toEqual({
      type: "any",
    });
  });

  it("leaves the beginning of an answer to targets that go on with it", () => {
    const messages = [...hello, { role: "assistant", content: "Well," }];
    expect(() => translate({ messages }, { model: "claude-sonnet-4-6" })).toThrow(/messages\[1\]/);
    expect(translate({ messages }, { model: "claude-haiku-4-5" }).body["messages"]).toHaveLength(2);
  });

  it("leaves out stop sequences that the format refuses, and says so", () => {
    const { body, warnings } = translate({ stop: ["\n", "END"] });
    expect(body["stop_sequences"]).toEqual(["END"]);
    expect(warnings).toHaveLength(1);
    expect(translate({ stop: "\n\n" }).body).not.toHaveProperty("stop_sequences");
  });

  // platform.claude.com/docs/en/build-with-claude/vision: JPEG, PNG, GIF and WebP.
  it("sends images of the kinds that are taken, and leaves others to other targets", () => {
    const image = (type: string) => ({
      messages: [
        {
          role: "user",
          content: [{ type: "image_url", image_url: { url: `data:${type};base64,AAEC` } }],
        },
      ],
    });
    expect(JSON.stringify(translate(image("image/jpg")).body)).toContain("image/jpeg");
    expect(refusal(image("image/bmp"))).toBe("messages[0].parts[0]");
  });

  it("leaves blank texts out, and the blank end of what the model goes on with", () => {
    const { body } = translate({
      messages: [
        ...hello,
        { role: "assistant", content: "\n\n", tool_calls: [call("a", "{}")] },
        { role: "tool", tool_call_id: "a", content: "1" },
        { role: "assistant", content: "Well, \n" },
      ],
    });
    expect(body["messages"]).toEqual([
      ...hello,
      { role: "assistant", content: [{ type: "tool_use", id: "a", name: "f", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "1" }] },
      { role: "assistant", content: "Well," },
    ]);
  });

  // openrouter.ai/docs/features/prompt-caching and docs.litellm.ai/docs/completion/prompt_caching.
  it("keeps the marks of what is to be cached", () => {
    const mark = { cache_control: { type: "ephemeral", ttl: "1h" } };
    const { body } = translate({
      tools: [{ ...tool, ...mark }],
      messages: [
        { role: "system", content: "Be brief.", ...mark },
        { role: "user", content: [{ type: "text", text: "x", ...mark }] },
        { role: "user", content: [{ type: "text", text: "y", cache_control: { type: "odd" } }] },
      ],
    });
    expect(body["tools"]).toEqual([expect.objectContaining(mark)]);
    expect(body["system"]).toEqual([{ type: "text", text: "Be brief.", ...mark }]);
    expect(body["messages"]).toEqual([
      { role: "user", content: [{ type: "text", text: "x", ...mark }] },
      { role: "user", content: "y" },
    ]);
  });

  it("keeps a budget to think with below the number of output tokens", () => {
    const { request } = openaiChat.readRequest(
      encode(JSON.stringify({ model: "m", messages: hello, max_tokens: 3_000 })),
    );
    const thinking = (maxTokens: number) => {
      request.reasoning = { $typeName: "penstock.inference.v1.Reasoning", maxTokens };
      const target = {
        model: "m",
        stream: false,
        quirks: {
          maxTokensField: "max_tokens",
          sendsDeveloperRole: false,
          supportsStreamUsage: true,
        },
      } as const;
      const body = JSON.parse(anthropicMessages.writeRequest(request, target)) as object;
      return "thinking" in body ? body.thinking : undefined;
    };
    expect(thinking(2_000)).toEqual({ type: "enabled", budget_tokens: 2_000 });
    expect(thinking(9_000)).toEqual({ type: "enabled", budget_tokens: 2_999 });
    expect(thinking(1)).toEqual({ type: "enabled", budget_tokens: 1_024 });
    request.sampling!.maxOutputTokens = 1_000;
    expect(thinking(1)).toBeUndefined();
  });

  it("refuses parameters that have a field of their own, or that nobody may choose", () => {
    const { request } = openaiChat.readRequest(
      encode(JSON.stringify({ model: "m", messages: hello })),
    );
    request.formatParameters["anthropic-messages"] = { service_tier: "auto" };
    expect(() => checkMessagesParameters(request)).not.toThrow();
    request.formatParameters["anthropic-messages"] = { max_tokens: 1, api_base: "x" };
    expect(() => checkMessagesParameters(request)).toThrow(
      expect.objectContaining({ reason: "UNSUPPORTED_FIELD" }),
    );
  });
});
