import { describe, expect, it } from "vitest";
import { targetOf } from "./conformance/format-samples.fixture.ts";
import type { FormatName } from "./format.ts";
import { formats } from "./formats.ts";
import { readJsonObject } from "./read-json.ts";

const names = Object.keys(formats) as FormatName[];
const target = targetOf(false);
const address = { model: "m", stream: false };
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A class as a tool may ask about it. */
const properties = {
  constructor: { type: "string", description: "how it is made" },
  prototype: { type: "string", description: "what it is made after" },
  toString: { type: "string" },
};
const schema = { type: "object", properties, required: ["constructor"] };

describe("names of properties that every object of JavaScript has", () => {
  it.each(names)("stay in the schema of a tool that goes to %s", (name) => {
    const body = {
      model: "m",
      messages: [{ role: "user", content: "hi" }],
      tools: [{ type: "function", function: { name: "f", parameters: schema } }],
    };
    const { request } = formats["openai-chat"].readRequest(encode(JSON.stringify(body)));
    const written = formats[name].writeRequest(request, target);
    for (const property of Object.keys(properties)) expect(written).toContain(`"${property}":{`);
    const { request: reread } = formats[name].readRequest(encode(written), address);
    const kept = reread.tools[0]?.inputSchema?.["properties"] ?? {};
    expect(Object.keys(kept).toSorted()).toEqual(Object.keys(properties).toSorted());
  });

  it("are fields like others where nobody knows them", () => {
    const text = `{"model":"m","messages":[{"role":"user","content":"hi"}],"constructor":{"a":1}}`;
    const { request } = formats["openai-chat"].readRequest(encode(text));
    expect(request.formatParameters["openai-chat"]).toEqual({ constructor: { a: 1 } });
    const written = formats["openai-chat"].writeRequest(request, target);
    expect(JSON.parse(written)).toMatchObject({ constructor: { a: 1 } });
  });

  it("are never a way to what all objects inherit", () => {
    for (const text of [`{"__proto__":{"x":1}}`, `{"constructor":{"prototype":{"x":1}}}`]) {
      expect(() => readJsonObject(encode(text))).toThrow(
        expect.objectContaining({ reason: "FIELD_INVALID" }),
      );
    }
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });
});
