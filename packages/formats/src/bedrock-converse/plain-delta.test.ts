import { BlockKind } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { readStream } from "../conformance/read-outcome.fixture.ts";
import { bedrockConverse } from "./bedrock-converse.ts";
import { bytesOf, describeEvent } from "./converse-stream.fixture.ts";
import { shapeOf } from "./plain-delta.ts";
import { writeEvent } from "./write-stream.ts";

type Fields = Record<string, unknown>;

// With the pad that AWS adds to deltas
// (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html).
const payload = (delta: Fields, p = "abc"): Fields => ({ contentBlockIndex: 1, delta, p });
const shaped = (fields: Fields) => shapeOf(JSON.stringify(fields), fields);

describe("the shape of a delta", () => {
  it.each<[string, Fields, Fields, BlockKind]>([
    ["text", { text: "a" }, { text: 'b\n"“' }, BlockKind.TEXT],
    ["input", { toolUse: { input: '{"' } }, { toolUse: { input: 'x"}' } }, BlockKind.TOOL_CALL],
    [
      "thought",
      { reasoningContent: { text: "a" } },
      { reasoningContent: { text: "b" } },
      BlockKind.REASONING,
    ],
  ])("of %s is that of the next one, whatever its pad", (_name, delta, next, kind) => {
    const shape = shaped(payload(delta));
    expect(shape?.meaning).toEqual({ index: 1, kind });
    const text = JSON.stringify(payload(next, ""));
    expect(shape?.match(text, 0)).toBe(true);
    expect(shape?.end).toBe(text.length);
    expect(JSON.stringify(next)).toContain(JSON.stringify(shape?.valueIn(text)));
    const other = { ...payload(next), contentBlockIndex: 2 };
    expect(shape?.match(JSON.stringify(other), 0)).toBe(false);
  });

  it.each<[string, Fields]>([
    ["of two pieces", payload({ text: "a", citation: {} })],
    ["with a signature", payload({ reasoningContent: { signature: "a" } })],
    [
      "with a thought and its signature",
      payload({ reasoningContent: { text: "a", signature: "b" } }),
    ],
    ["of a source", payload({ citation: {} })],
    ["without one", { contentBlockIndex: 1 }],
  ])("is none for one %s", (_name, fields) => {
    expect(shaped(fields)).toBeUndefined();
  });
});

describe("a stream of such deltas", () => {
  const events = (frames: readonly [name: string, fields: Fields][]): string[] => {
    const bytes = bytesOf(frames.map(([name, fields]) => writeEvent(name, fields)).join(""));
    return readStream(bedrockConverse, [bytes]).events.map(describeEvent);
  };

  it("means what it would if each was read", () => {
    const delta = (contentBlockIndex: number, one: Fields): [string, Fields] => [
      "contentBlockDelta",
      { contentBlockIndex, delta: one },
    ];
    const toolUse = { toolUseId: "t", name: "f" };
    expect(
      events([
        delta(0, { text: "a" }),
        delta(0, { text: "b" }),
        delta(0, { text: "" }),
        ["contentBlockStop", { contentBlockIndex: 0 }],
        ["contentBlockStart", { contentBlockIndex: 1, start: { toolUse } }],
        delta(1, { toolUse: { input: "{" } }),
        delta(1, { toolUse: { input: "}" } }),
        ["contentBlockStop", { contentBlockIndex: 1 }],
        // Input of no call, and text of what is in words of Bedrock alone.
        delta(2, { toolUse: { input: "{" } }),
        ["contentBlockStart", { contentBlockIndex: 3, start: { futureBlock: {} } }],
        delta(3, { text: "c" }),
        delta(0, { text: "d" }),
      ]),
    ).toEqual([
      "start 0 TEXT",
      "0 += a",
      "0 += b",
      "end 0",
      "start 1 TOOL_CALL t f",
      "1 += {",
      "1 += }",
      "end 1",
      "start 2 FORMAT bedrock-converse",
      '2 += {"text":"c"}',
      "start 3 TEXT",
      "3 += d",
    ]);
  });
});
