import { MessageRole, ToolChoiceMode } from "@penstock/api";
import { describe, expect, it } from "vitest";
import type { CallerRequest, JsonObject } from "../format.ts";
import { googleGenerateContent as format } from "./google-generate-content.ts";
import { checkGoogleParameters } from "./write-request.ts";
import {
  encode,
  full,
  hello,
  quirks,
  read,
  roundTrip,
  schema,
  violations,
  written,
} from "./request.fixture.ts";

describe("a request for a target of the same format", () => {
  it("arrives with everything that it had", () => {
    expect(written(read(full).request, "tuned").body).toEqual(full);
  });

  it.each([
    ["a level of thinking", { thinkingConfig: { thinkingLevel: "high" } }],
    ["a budget left to the model", { thinkingConfig: { thinkingBudget: -1 } }],
    ["no thinking", { thinkingConfig: { thinkingBudget: 0 } }],
    ["an empty configuration of thinking", { thinkingConfig: {} }],
    [
      "an enum",
      { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a"] } },
    ],
    ["JSON without a schema", { responseMimeType: "application/json" }],
    ["a schema of JSON", { responseMimeType: "application/json", responseJsonSchema: schema }],
    ["plain text", { responseMimeType: "text/plain" }],
    ["probabilities", { responseLogprobs: true }],
    ["probabilities of the likeliest", { responseLogprobs: true, logprobs: 3 }],
  ])("keeps %s", (_name, generationConfig) => {
    expect(roundTrip({ contents: hello, generationConfig })).toEqual({
      contents: hello,
      generationConfig,
    });
  });

  it.each([
    ["VALIDATED", { functionCallingConfig: { mode: "VALIDATED" } }],
    ["AUTO", { functionCallingConfig: { mode: "AUTO" } }],
    ["NONE", { functionCallingConfig: { mode: "NONE" } }],
    ["one of two", { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["a", "b"] } }],
  ])("keeps the tool configuration %s", (_name, toolConfig) => {
    const tools = [{ functionDeclarations: [{ name: "a" }, { name: "b" }] }];
    const request = { contents: hello, tools, toolConfig };
    expect(roundTrip(request)).toEqual(request);
  });

  it("may go on as it came", () => {
    const { forwardable, request, stream, includeUsage } = format.readRequest(
      encode(JSON.stringify(full)),
      { model: "models/gemini-2.5-pro", stream: true },
    );
    expect(request.model).toBe("gemini-2.5-pro");
    expect([stream, includeUsage]).toEqual([true, true]);
    const target = { model: "x", stream: true, quirks };
    expect(format.forwardRequest(forwardable!, request, target)).toEqual({
      start: 0,
      end: 0,
      text: "",
    });
    expect(read({ contents: hello, penstock: { labels: { a: "b" } } }).forwardable).toBeUndefined();
  });

  it("takes both spellings of a name", () => {
    const body = roundTrip({
      system_instruction: { parts: [{ text: "Be brief." }] },
      contents: [{ parts: [{ inline_data: { mime_type: "image/png", data: "_-8=" } }] }],
      generation_config: { max_output_tokens: 5, stop_sequences: ["x"] },
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ inlineData: { mimeType: "image/png", data: "/+8=" } }] },
      ],
      generationConfig: { maxOutputTokens: 5, stopSequences: ["x"] },
    });
  });
});

describe("the canonical request", () => {
  const { request } = read(full);

  it("has results apart, with the ids of their calls", () => {
    const roles = request.messages.map(({ role }) => role);
    const { SYSTEM, USER, ASSISTANT, TOOL } = MessageRole;
    expect(roles).toEqual([SYSTEM, USER, ASSISTANT, TOOL, ASSISTANT, TOOL, USER]);
    const ids = request.messages.flatMap(({ parts }) =>
      parts.flatMap(({ part }) => {
        if (part.case === "toolCall") return [part.value.id];
        return part.case === "toolResult" ? [`-> ${part.value.toolCallId}`] : [];
      }),
    );
    const [paris, rome] = ["gcall_1_2", "gcall_1_3"];
    expect(ids).toEqual([paris, rome, `-> ${paris}`, `-> ${rome}`, "gid_f1", "-> gid_f1"]);
  });

  it("has what this format alone has words for as it came", () => {
    expect(request.tools.map(({ name, formatPart }) => [name, formatPart?.content])).toEqual([
      ["get_weather", undefined],
      ["get_time", undefined],
      ["googleSearch", { googleSearch: {} }],
    ]);
    const cases = request.messages[4]?.parts.map(({ part }) => part.case);
    expect(cases).toEqual(["formatPart", "formatPart", "toolCall"]);
  });

  it("has schemas as JSON Schema, and choices in canonical words", () => {
    expect(request.tools[0]?.inputSchema).toEqual({
      type: "object",
      properties: { city: { type: ["string", "null"] } },
    });
    expect(request.toolChoice).toMatchObject({
      mode: ToolChoiceMode.NAMED,
      toolName: "get_weather",
    });
    expect(request.responseFormat?.format).toMatchObject({
      case: "jsonSchema",
      value: { schema: { type: "object", properties: { a: { type: "integer" } } } },
    });
    expect(request.reasoning?.maxTokens).toBe(128);
    expect(request.sampling).toMatchObject({ topK: 40, seed: -3n, maxOutputTokens: 7 });
  });

  it("splits a content that has results and words", () => {
    const parts = [
      { functionResponse: { name: "f", response: {} } },
      { text: "and more", partMetadata: { b: 2 } },
    ];
    const call = { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] };
    const read2 = read({ contents: [call, { role: "user", parts }] });
    expect(read2.request.messages.map(({ role }) => role)).toEqual([
      MessageRole.ASSISTANT,
      MessageRole.TOOL,
      MessageRole.USER,
    ]);
    const { contents } = written(read2.request).body as { contents: { parts: unknown[] }[] };
    expect(contents.flatMap((one) => one.parts).slice(1)).toEqual(parts);
  });

  it.each<[string, object, string[]]>([
    ["no contents", {}, ["contents"]],
    ["empty contents", { contents: [] }, ["contents"]],
    ["an empty part", { contents: [{ parts: [{}] }] }, ["contents[0].parts[0]"]],
    [
      "a part of two kinds",
      { contents: [{ parts: [{ text: "a", functionCall: { name: "f" } }] }] },
      ["contents[0].parts[0]"],
    ],
    ["no parts", { contents: [{ role: "user" }] }, ["contents[0].parts"]],
    ["an unknown role", { contents: [{ role: "x", parts: [{ text: "" }] }] }, ["contents[0].role"]],
    [
      "bytes that are none",
      { contents: [{ parts: [{ inlineData: { mimeType: "image/png", data: "!" } }] }] },
      ["contents[0].parts[0].inlineData.data"],
    ],
    [
      "a temperature too high",
      { contents: hello, generationConfig: { temperature: 3 } },
      ["generationConfig.temperature"],
    ],
    [
      "a function that is not there",
      {
        contents: hello,
        tools: [{ functionDeclarations: [{ name: "a" }] }],
        toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["b"] } },
      },
      ["toolConfig.functionCallingConfig.allowedFunctionNames"],
    ],
  ])("is refused with %s", (_name, fields, paths) => {
    expect(violations(() => read(fields))).toEqual(["FIELD_INVALID", paths]);
  });

  it.each([{ api_key: "x" }, { base_url: "x" }])("does not take %j", (fields) => {
    expect(violations(() => read({ contents: hello, ...fields }))[0]).toBe("UNSUPPORTED_FIELD");
  });

  it("needs to know its model", () => {
    const body = encode(JSON.stringify({ contents: hello }));
    expect(violations(() => format.readRequest(body))).toEqual(["FIELD_INVALID", ["model"]]);
  });

  it("may bring parameters of this format only where they have no field", () => {
    const request = (parameters: JsonObject): CallerRequest["request"] => ({
      ...read({ contents: hello }).request,
      formatParameters: { "google-generate-content": parameters },
    });
    expect(() => checkGoogleParameters(request({ safetySettings: [] }))).not.toThrow();
    expect(violations(() => checkGoogleParameters(request({ model: "x", base_url: "y" })))).toEqual(
      [
        "UNSUPPORTED_FIELD",
        [
          'format_parameters["google-generate-content"].model',
          'format_parameters["google-generate-content"].base_url',
        ],
      ],
    );
  });
});
