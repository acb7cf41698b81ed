import { BlockKind } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { shapeOf } from "./plain-delta.ts";

const name = "content_block_delta";
const delta = (own: object): Record<string, unknown> => ({ type: name, index: 1, delta: own });

describe("the shape of a delta", () => {
  it.each([
    ["text_delta", "text", BlockKind.TEXT],
    ["thinking_delta", "thinking", BlockKind.REASONING],
    ["input_json_delta", "partial_json", BlockKind.TOOL_CALL],
  ])("%s is that of the next one, whatever spaces hide its length", (type, member, kind) => {
    const fields = delta({ type, [member]: "a" });
    const shape = shapeOf(name, fields, JSON.stringify(fields));
    expect(shape?.meaning).toEqual({ index: 1, kind });
    const next = JSON.stringify(delta({ type, [member]: 'b "ü"' })).replace(/\}$/, "        }");
    const text = `event: ${name}\ndata: ${next}\n\n`;
    expect(shape?.match(text, 0)).toBe(true);
    expect(shape?.valueIn(text)).toBe('b "ü"');
    expect(shape?.match(text.replace('"index":1', '"index":2'), 0)).toBe(false);
  });

  it.each([
    ["an event by another name", "", delta({ type: "text_delta", text: "a" })],
    ["another event", name, { ...delta({ type: "text_delta", text: "a" }), type: "new" }],
    ["a signature", name, delta({ type: "signature_delta", signature: "a" })],
    ["a source", name, delta({ type: "citations_delta", citation: {} })],
    ["a delta without text", name, delta({ type: "text_delta" })],
    ["a delta of something else", name, delta({ type: "text_delta", text: 1 })],
  ])("is none for %s", (_name, event, fields) => {
    expect(shapeOf(event, fields, JSON.stringify(fields))).toBeUndefined();
  });
});
