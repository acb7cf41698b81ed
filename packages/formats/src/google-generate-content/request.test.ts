import { MessageRole, ToolChoiceMode } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallerRequest, FormatQuirks, JsonObject } from "../format.ts";
import { openaiChat } from "../openai-chat/openai-chat.ts";
import { googleGenerateContent as format } from "./google-generate-content.ts";
import { checkGoogleParameters } from "./write-request.ts";

type Json = Record<string, unknown>;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const address = { model: "gemini-2.5-flash", stream: false };
const quirks: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
  sendsReasoning: true,
};

function read(fields: object): CallerRequest {
  return format.readRequest(encode(JSON.stringify(fields)), address);
}

function written(
  request: CallerRequest["request"],
  model = "gemini-2.5-flash",
): { body: Json; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (warning: string): void => void warnings.push(warning);
  const text = format.writeRequest(request, { model, stream: false, quirks, warn });
  return { body: JSON.parse(text) as Json, warnings };
}

const roundTrip = (fields: object): Json => written(read(fields).request).body;

function fromOpenai(fields: object, model?: string): { body: Json; warnings: string[] } {
  const hello = [{ role: "user", content: "Hello" }];
  const body = encode(JSON.stringify({ model: "m", messages: hello, ...fields }));
  return written(openaiChat.readRequest(body).request, model);
}

function violations(run: () => unknown): [string, string[]] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return [error.reason, error.fieldViolations.map((one) => one.field)];
  }
  return ["", []];
}

const hello = [{ role: "user", parts: [{ text: "Hello" }] }];
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

/** A request that uses everything that has a place in the canonical one, and much that has none. */
const full = {
  systemInstruction: { parts: [{ text: "Be brief." }, { text: "Be kind." }] },
  contents: [
    {
      role: "user",
      parts: [
        { text: "See", partMetadata: { a: 1 } },
        { inlineData: { mimeType: "image/png", data: "AAEC" } },
        {
          fileData: { mimeType: "video/mp4", fileUri: "https://example.com/a.mp4" },
          videoMetadata: { fps: 2 },
        },
      ],
      vendorNote: true,
    },
    {
      role: "model",
      parts: [
        { text: "Let me think.", thought: true },
        { text: "I look.", thoughtSignature: "dGV4dA==" },
        {
          functionCall: { name: "get_weather", args: { city: "Paris" } },
          thoughtSignature: "Y2FsbA==",
        },
        { functionCall: { name: "get_weather", args: { city: "Rome" } } },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { name: "get_weather", response: { output: "sunny" } } },
        { functionResponse: { name: "get_weather", response: { degrees: 21, sky: ["blue"] } } },
      ],
    },
    {
      role: "model",
      parts: [
        { executableCode: { language: "PYTHON", code: "print(1)" } },
        { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } },
        { functionCall: { id: "f1", name: "get_time", args: {} } },
      ],
    },
    {
      role: "user",
      parts: [
        {
          functionResponse: {
            id: "f1",
            name: "get_time",
            response: { error: "no clock" },
            parts: [{ inlineData: { mimeType: "image/png", data: "AAEC" } }],
          },
        },
      ],
    },
    { role: "user", parts: [{ text: "And?" }] },
  ],
  tools: [
    {
      functionDeclarations: [
        {
          name: "get_weather",
          description: "d",
          parameters: { type: "OBJECT", properties: { city: { type: "STRING", nullable: true } } },
        },
        { name: "get_time", parametersJsonSchema: schema, behavior: "BLOCKING" },
      ],
    },
    { googleSearch: {} },
  ],
  toolConfig: {
    functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["get_weather"] },
    retrievalConfig: { languageCode: "en" },
  },
  generationConfig: {
    maxOutputTokens: 7,
    temperature: 0,
    topP: 0.5,
    topK: 40,
    stopSequences: ["x", "y"],
    seed: -3,
    candidateCount: 2,
    presencePenalty: 0.5,
    frequencyPenalty: -0.5,
    responseMimeType: "application/json",
    responseSchema: { type: "OBJECT", properties: { a: { type: "INTEGER" } } },
    responseModalities: ["TEXT"],
    thinkingConfig: { thinkingBudget: 128, includeThoughts: true },
    mediaResolution: "MEDIA_RESOLUTION_LOW",
  },
  safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_ONLY_HIGH" }],
  cachedContent: "cachedContents/abc",
  labels: { team: "a" },
  somethingNew: { x: [1, null] },
};

describe("a request for a target of the same format", () => {
  it("arrives with everything that it had", () => {
    expect(roundTrip(full)).toEqual(full);
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
    expect(ids).toEqual([paris, rome, `-> ${paris}`, `-> ${rome}`, "f1", "-> f1"]);
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
    ["a part of no kind", { contents: [{ parts: [{ foo: 1 }] }] }, ["contents[0].parts[0]"]],
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

  it.each([{ api_key: "x" }, { generationConfig: { responseLogprobs: true } }])(
    "does not take %j",
    (fields) => {
      expect(violations(() => read({ contents: hello, ...fields }))[0]).toBe("UNSUPPORTED_FIELD");
    },
  );

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

describe("a request of another format", () => {
  it("is written in the words of this one", () => {
    const call = { id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } };
    const second = { id: "c2", type: "function", function: { name: "g", arguments: "" } };
    const { body, warnings } = fromOpenai({
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "See" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AAEC" } },
            { type: "image_url", image_url: { url: "https://example.com/a.png" } },
          ],
        },
        { role: "assistant", content: null, tool_calls: [call, second] },
        { role: "tool", tool_call_id: "c1", content: '{"b":2}' },
        { role: "tool", tool_call_id: "c2", content: "fine" },
        { role: "assistant", content: "ok" },
      ],
      tools: [{ type: "function", function: { name: "f", parameters: schema } }],
      tool_choice: "required",
      max_tokens: 5,
      response_format: {
        type: "json_schema",
        json_schema: { name: "n", description: "d", schema, strict: true },
      },
      reasoning_effort: "low",
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        {
          role: "user",
          parts: [
            { text: "See" },
            { inlineData: { mimeType: "image/png", data: "AAEC" } },
            { fileData: { mimeType: "image/png", fileUri: "https://example.com/a.png" } },
          ],
        },
        {
          role: "model",
          parts: [
            { functionCall: { id: "c1", name: "f", args: { a: 1 } } },
            { functionCall: { id: "c2", name: "g", args: {} } },
          ],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "c1", name: "f", response: { b: 2 } } },
            { functionResponse: { id: "c2", name: "g", response: { output: "fine" } } },
          ],
        },
        { role: "model", parts: [{ text: "ok" }] },
      ],
      tools: [{ functionDeclarations: [{ name: "f", parametersJsonSchema: schema }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY" } },
      generationConfig: {
        maxOutputTokens: 5,
        responseMimeType: "application/json",
        responseJsonSchema: { description: "d", ...schema },
        thinkingConfig: { includeThoughts: true, thinkingBudget: 1_024 },
      },
    });
    expect(warnings).toEqual([]);
  });

  it.each<[string, object, string | RegExp]>([
    ["the name of a speaker", { messages: [{ role: "user", content: "a", name: "b" }] }, /name/],
    [
      "one call at a time",
      {
        parallel_tool_calls: false,
        tools: [{ type: "function", function: { name: "f" } }],
      },
      /several tools/,
    ],
    ["strict", { tools: [{ type: "function", function: { name: "f", strict: true } }] }, /strict/],
    ["a long seed", { seed: 2 ** 40 }, /seed/],
    ["an unknown effort", { reasoning_effort: "enormous" }, /effort/],
    [
      "thoughts of another model",
      {
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b", reasoning_content: "hm" },
        ],
      },
      /thoughts/,
    ],
    ["instructions alone", { messages: [{ role: "system", content: "a" }] }, /instructions/],
    [
      "instructions amid the conversation",
      {
        messages: [
          { role: "user", content: "a" },
          { role: "system", content: "b" },
        ],
      },
      /stand above/,
    ],
  ])("says that it approximates or leaves out %s", (_name, fields, warning) => {
    const { warnings } = fromOpenai(fields);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(warning);
  });

  it.each<[string, object]>([
    ["more stop sequences than five", { stop: ["1", "2", "3", "4", "5", "6"] }],
    [
      "a file of another provider",
      {
        messages: [{ role: "user", content: [{ type: "file", file: { file_id: "file-1" } }] }],
      },
    ],
    ["a result of no call", { messages: [{ role: "tool", tool_call_id: "c", content: "a" }] }],
    [
      "a call with broken arguments",
      {
        messages: [
          {
            role: "assistant",
            tool_calls: [
              { id: "c", type: "function", function: { name: "f", arguments: '{"a":' } },
            ],
          },
        ],
      },
    ],
  ])("is refused with %s", (_name, fields) => {
    expect(violations(() => fromOpenai(fields))[0]).toBe("UNSUPPORTED_FIELD");
  });

  it("asks a model of the third generation for a level", () => {
    const thinking = (effort: string, model: string): unknown => {
      const { body } = fromOpenai({ reasoning_effort: effort }, model);
      return (body["generationConfig"] as Json | undefined)?.["thinkingConfig"];
    };
    const shown = { includeThoughts: true };
    expect(thinking("high", "gemini-3-pro-preview")).toEqual({ ...shown, thinkingLevel: "high" });
    expect(thinking("none", "gemini-3.1-pro")).toEqual({ ...shown, thinkingLevel: "minimal" });
    expect(thinking("none", "gemini-2.5-flash")).toEqual({ thinkingBudget: 0 });
    expect(thinking("xhigh", "google/gemini-2.5-pro")).toEqual({
      ...shown,
      thinkingBudget: 24_576,
    });
  });

  it("marks calls of other models for the third generation, which wants signatures", () => {
    const call = (id: string): Json => ({
      id,
      type: "function",
      function: { name: "f", arguments: "{}" },
    });
    const messages = [{ role: "assistant", tool_calls: [call("c1"), call("c2")] }];
    const { body, warnings } = fromOpenai({ messages }, "gemini-3-flash");
    expect(body["contents"]).toEqual([
      {
        role: "model",
        parts: [
          {
            functionCall: { id: "c1", name: "f", args: {} },
            thoughtSignature: "skip_thought_signature_validator",
          },
          { functionCall: { id: "c2", name: "f", args: {} } },
        ],
      },
    ]);
    expect(warnings).toHaveLength(1);
  });

  it("leaves signatures of others behind", () => {
    const { request } = read(full);
    const { part } = request.messages[2]!.parts[3]!;
    if (part.case === "toolCall") part.value.signatureIssuer = "another";
    const { body, warnings } = written(request);
    expect(JSON.stringify(body)).not.toContain("Y2FsbA==");
    expect(JSON.stringify(body)).toContain("dGV4dA==");
    expect(warnings).toEqual([expect.stringMatching(/^signature_dropped/)]);
  });
});

describe("reading what was written", () => {
  const text = fc.string({ maxLength: 12 });
  const name = fc.constantFrom("f", "g");
  const args = fc.dictionary(
    fc.string({ minLength: 1, maxLength: 4 }).filter((key) => key !== "__proto__"),
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
    { maxKeys: 3 },
  );
  const media = fc.record({
    inlineData: fc.record({
      mimeType: fc.constantFrom("image/png", "audio/wav", "application/pdf"),
      data: fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => bytes.toBase64()),
    }),
  });
  const signature = fc.option(fc.constantFrom("c2ln", "YWJj"), { nil: undefined });
  const signed = (part: fc.Arbitrary<object>): fc.Arbitrary<object> =>
    fc
      .tuple(part, signature)
      .map(([one, thoughtSignature]) =>
        thoughtSignature === undefined ? one : { ...one, thoughtSignature },
      );
  const userParts = fc.array(fc.oneof(fc.record({ text }), media), { minLength: 1, maxLength: 3 });
  const modelParts = fc.array(
    fc.oneof(
      signed(fc.record({ text })),
      signed(media),
      signed(
        fc.record({ text: text.map((one) => `t${one}`), thought: fc.constant(true as const) }),
      ),
      signed(fc.record({ functionCall: fc.record({ name, args }) })),
    ),
    { minLength: 1, maxLength: 4 },
  );
  const contents = fc.array(
    fc.oneof(
      userParts.map((parts) => ({ role: "user", parts })),
      modelParts.map((parts) => ({ role: "model", parts })),
    ),
    { minLength: 1, maxLength: 4 },
  );

  it("gives the same body, and the same canonical request", () => {
    fc.assert(
      fc.property(contents, (conversation) => {
        const fields = { contents: conversation };
        const first = read(fields).request;
        const body = written(first).body;
        expect(body).toEqual(JSON.parse(JSON.stringify(fields)));
        expect(read(body).request).toEqual(first);
      }),
      { numRuns: 400 },
    );
  });

  it("gives results back as they were", () => {
    const response = fc.oneof(
      args,
      fc.record({ output: fc.oneof(fc.string(), fc.constant('{"a":1}')) }),
      fc.record({ error: fc.string() }),
    );
    fc.assert(
      fc.property(response, (given) => {
        const call = { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] };
        const result = { functionResponse: { name: "f", response: given } };
        const fields = { contents: [call, { role: "user", parts: [result] }] };
        expect(roundTrip(fields)).toEqual(JSON.parse(JSON.stringify(fields)));
      }),
      { numRuns: 400 },
    );
  });

  it("never throws anything but a refusal, whatever a caller writes", () => {
    const any = fc.jsonValue();
    const fields = fc.record(
      {
        contents: fc.oneof(any, fc.array(fc.oneof(any, fc.record({ role: any, parts: any })))),
        tools: fc.oneof(any, fc.array(any)),
        toolConfig: fc.oneof(any, fc.record({ functionCallingConfig: any })),
        generationConfig: fc.oneof(any, fc.record({ temperature: any, thinkingConfig: any })),
        systemInstruction: any,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (value) => {
        violations(() => roundTrip(value));
      }),
      { numRuns: 500 },
    );
  });
});
