import { create } from "@bufbuild/protobuf";
import { GenerateRequestSchema, ListTeamsRequestSchema, type MessageRole } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { assertGenericBounds } from "./validation.ts";

const unknownRole = 99 as MessageRole;

type ContentInit = { part: { case: "toolResult"; value: { parts: ContentInit[] } } };

function nested(depth: number): ContentInit {
  const parts = depth === 0 ? [] : [nested(depth - 1)];
  return { part: { case: "toolResult", value: { parts } } };
}

function fields(init: Parameters<typeof create<typeof GenerateRequestSchema>>[1]): string[] {
  try {
    assertGenericBounds(GenerateRequestSchema, create(GenerateRequestSchema, init));
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    return (error as GatewayError).fieldViolations.map(({ field }) => field);
  }
}

describe("assertGenericBounds", () => {
  it("passes what is within", () => {
    expect(fields({ model: "m", labels: { a: "b" }, messages: [{ role: 2 }] })).toEqual([]);
    expect(() =>
      assertGenericBounds(ListTeamsRequestSchema, create(ListTeamsRequestSchema)),
    ).not.toThrow();
  });

  it("names long texts, long lists and unknown enum values by their path", () => {
    const long = "x".repeat(65_537);
    expect(fields({ model: long })).toEqual(["model"]);
    expect(fields({ labels: { a: long } })).toEqual(["labels[a]"]);
    expect(fields({ messages: [{ role: unknownRole }] })).toEqual(["messages[0].role"]);
    expect(fields({ messages: Array.from({ length: 10_001 }, () => ({})) })).toEqual(["messages"]);
  });

  it("stops at deep nesting and after ten violations", () => {
    expect(fields({ messages: [{ parts: [nested(40)] }] })).toHaveLength(1);
    expect(
      fields({ messages: Array.from({ length: 50 }, () => ({ role: unknownRole })) }),
    ).toHaveLength(10);
  });
});
