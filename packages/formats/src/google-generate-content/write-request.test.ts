import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openaiChat } from "../openai-chat/openai-chat.ts";
import {
  type Json,
  encode,
  full,
  read,
  roundTrip,
  schema,
  violations,
  written,
} from "./request.fixture.ts";

function fromOpenai(fields: object, model?: string): { body: Json; warnings: string[] } {
  const hello = [{ role: "user", content: "Hello" }];
  const body = encode(JSON.stringify({ model: "m", messages: hello, ...fields }));
  return written(openaiChat.readRequest(body).request, model);
}

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
            { functionCall: { name: "f", args: { a: 1 } } },
            { functionCall: { name: "g", args: {} } },
          ],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { name: "f", response: { b: 2 } } },
            { functionResponse: { name: "g", response: { output: "fine" } } },
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

  // cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference: a text must not be
  // empty; ai.google.dev/gemini-api/docs/function-calling: a call follows what it answers at once.
  it("has no empty texts, and one content for what one side says", () => {
    const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
    const { body } = fromOpenai({
      messages: [
        { role: "user", content: "a" },
        { role: "user", content: "b" },
        { role: "assistant", content: "Let me see." },
        { role: "assistant", content: [{ type: "text", text: "" }], tool_calls: [call] },
        { role: "tool", tool_call_id: "c1", content: "1" },
        { role: "user", content: "c" },
      ],
    });
    expect(body["contents"]).toEqual([
      { role: "user", parts: [{ text: "a" }, { text: "b" }] },
      {
        role: "model",
        parts: [{ text: "Let me see." }, { functionCall: { name: "f", args: {} } }],
      },
      {
        role: "user",
        parts: [{ functionResponse: { name: "f", response: { output: "1" } } }],
      },
      { role: "user", parts: [{ text: "c" }] },
    ]);
  });

  // ai.google.dev/gemini-api/docs/thinking, "Thinking budgets".
  it("keeps a budget to think with within what the model takes", () => {
    const budget = (reasoning_effort: string, model: string) => {
      const { body, warnings } = fromOpenai({ reasoning_effort }, model);
      return [JSON.stringify(body["generationConfig"]), warnings.length];
    };
    const off = '{"thinkingConfig":{"thinkingBudget":0}}';
    expect(budget("none", "gemini-2.5-flash")).toEqual([off, 0]);
    const least = '{"thinkingConfig":{"includeThoughts":true,"thinkingBudget":128}}';
    expect(budget("none", "gemini-2.5-pro")).toEqual([least, 1]);
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
    expect(thinking("none", "gemini-3.1-pro")).toEqual({ ...shown, thinkingLevel: "low" });
    expect(thinking("minimal", "gemini-flash-latest")).toEqual({
      ...shown,
      thinkingLevel: "minimal",
    });
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
            functionCall: { name: "f", args: {} },
            thoughtSignature: "skip_thought_signature_validator",
          },
          { functionCall: { name: "f", args: {} } },
        ],
      },
    ]);
    expect(warnings).toHaveLength(1);
  });

  it("gives back the ids that Google gave, and no others", () => {
    const call = { id: "gid_8f2b", type: "function", function: { name: "f", arguments: "{}" } };
    const { body } = fromOpenai({
      messages: [
        { role: "assistant", tool_calls: [call, { ...call, id: "call_1" }] },
        { role: "tool", tool_call_id: "gid_8f2b", content: "a" },
        { role: "tool", tool_call_id: "call_1", content: "b" },
      ],
    });
    expect(body["contents"]).toEqual([
      {
        role: "model",
        parts: [
          { functionCall: { id: "8f2b", name: "f", args: {} } },
          { functionCall: { name: "f", args: {} } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "8f2b", name: "f", response: { output: "a" } } },
          { functionResponse: { name: "f", response: { output: "b" } } },
        ],
      },
    ]);
  });

  it("is refused with words of yet another format", () => {
    const { request } = read(full);
    const formatPart = request.tools[2]!.formatPart!;
    formatPart.format = "another";
    expect(violations(() => written(request))[1]).toEqual(["tools[2]"]);
    request.tools = [];
    const { part } = request.messages[4]!.parts[0]!;
    if (part.case === "formatPart") part.value.format = "another";
    expect(violations(() => written(request))[1]).toEqual(["messages[4].parts[0]"]);
  });

  it("leaves signatures of others behind", () => {
    const { request } = read(full);
    const { part } = request.messages[2]!.parts[3]!;
    if (part.case === "toolCall") part.value.signatureIssuer = "another";
    const { body, warnings } = written(request, "tuned");
    expect(JSON.stringify(body)).not.toContain("Y2FsbA==");
    expect(JSON.stringify(body)).toContain("dGV4dA==");
    expect(warnings).toEqual([expect.stringMatching(/^signature_dropped/)]);
  });
});

describe("reading what was written", () => {
  const text = fc.string({ minLength: 1, maxLength: 12 });
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
  const exchange = fc.tuple(userParts, modelParts).map(([asked, said]) => [
    { role: "user", parts: asked },
    { role: "model", parts: said },
  ]);
  const contents = fc
    .tuple(fc.array(exchange, { minLength: 1, maxLength: 2 }), fc.constantFrom(0, 1))
    .map(([exchanges, first]) => exchanges.flat().slice(first));

  it("keeps an empty text that brings a proof, where it stands", () => {
    const parts = [{ text: "a" }, { text: "", thoughtSignature: "c2ln" }];
    const fields = { contents: [{ role: "model", parts }] };
    expect(written(read(fields).request).body).toEqual(fields);
  });

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
    const anything = fc.jsonValue();
    const fields = fc.record(
      {
        contents: fc.oneof(
          anything,
          fc.array(fc.oneof(anything, fc.record({ role: anything, parts: anything }))),
        ),
        tools: fc.oneof(anything, fc.array(anything)),
        toolConfig: fc.oneof(anything, fc.record({ functionCallingConfig: anything })),
        generationConfig: fc.oneof(
          anything,
          fc.record({ temperature: anything, thinkingConfig: anything }),
        ),
        systemInstruction: anything,
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
