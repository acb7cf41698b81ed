import fc from "fast-check";
import { describe, expect, it } from "vitest";
import fixtures from "./__fixtures__/requests.json" with { type: "json" };
import { encode, readConverse, write } from "./converse-request.fixture.ts";
import { readRequest } from "./read-request.ts";

describe("requests", () => {
  it.each(fixtures.requests)("$name, read and written again, is the same", ({ body }) => {
    const request = readConverse(body);
    // Whatever model it is, as the name of a profile does not tell.
    const profile = "arn:aws:bedrock:eu-central-1:1:application-inference-profile/x";
    expect(write(request, profile)).toEqual({ body, warnings: [] });
    expect(readConverse(write(request, profile).body)).toEqual(request);
  });

  it("take model and stream from the path", () => {
    const { request, stream } = readRequest(encode(fixtures.requests[0]!.body), {
      model: "a.b:c",
      stream: true,
    });
    expect([request.model, stream]).toEqual(["a.b:c", true]);
    expect(() => readRequest(encode(fixtures.requests[0]!.body))).toThrow(
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
        const text = JSON.stringify(given);
        // Names that are never accepted, whoever sends them.
        fc.pre(!/"(?:__proto__|prototype)":/.test(text));
        const plain = JSON.parse(text) as unknown;
        expect(write(readConverse(plain))).toEqual({ body: plain, warnings: [] });
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
    expect(() => readConverse(body)).toThrow(
      expect.objectContaining({
        fieldViolations: expect.arrayContaining([expect.objectContaining({ field })]) as unknown,
      }),
    );
  });
});
