import { toBinary } from "@bufbuild/protobuf";
import { StreamGenerateResponseSchema } from "@penstock/api";
import type { BlockDelta } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeStreamEvent } from "./encode-stream-event.ts";

const $typeName = "penstock.inference.v1.BlockDelta";

/** Both ways to write a delta. */
function written(value: BlockDelta) {
  const event = { case: "blockDelta", value } as const;
  const response = { $typeName: "penstock.inference.v1.StreamGenerateResponse", event } as const;
  return {
    ours: Uint8Array.from(encodeStreamEvent(event)),
    generated: toBinary(StreamGenerateResponseSchema, response),
  };
}

describe("encodeStreamEvent", () => {
  it("writes pieces as the generated code does", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ minLength: 120, maxLength: 140 }),
      fc.constantFrom("", "\ud800", "x".repeat(16_400)),
    );
    const index = fc.oneof(fc.integer({ min: -5, max: 200 }), fc.nat({ max: 2 ** 31 - 1 }));
    const kind = fc.constantFrom("text" as const, "argumentsJson" as const);
    fc.assert(
      fc.property(index, kind, text, (at, name, value) => {
        const { ours, generated } = written({ $typeName, index: at, delta: { case: name, value } });
        expect(Buffer.compare(ours, generated)).toBe(0);
      }),
    );
  });

  it.each<[string, Pick<BlockDelta, "delta" | "logprobs">]>([
    [
      "text with probabilities",
      {
        delta: { case: "text", value: "a" },
        logprobs: { $typeName: "penstock.inference.v1.TokenLogprobs", tokens: [] },
      },
    ],
    ["bytes", { delta: { case: "data", value: new Uint8Array(3) } }],
    ["nothing", { delta: { case: undefined } }],
  ])("leaves %s to it", (_name, rest) => {
    const { ours, generated } = written({ $typeName, index: 1, ...rest });
    expect(ours).toEqual(generated);
  });
});
