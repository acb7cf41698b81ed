import { describe, expect, it } from "vitest";
import { formats } from "../formats.ts";

/** How a schema of this format is asked of OpenAI. */
function asked(schema: object): unknown {
  const output_config = { format: { type: "json_schema", schema } };
  const messages = [{ role: "user", content: "x" }];
  const body = { model: "m", max_tokens: 9, messages, output_config };
  const { request } = formats["anthropic-messages"].readRequest(
    new TextEncoder().encode(JSON.stringify(body)),
  );
  const quirks = {
    maxTokensField: "max_tokens",
    sendsDeveloperRole: true,
    supportsStreamUsage: true,
  } as const;
  const target = { model: "m", stream: false, quirks };
  const written = JSON.parse(formats["openai-chat"].writeRequest(request, target)) as {
    response_format: { json_schema: { strict?: boolean } };
  };
  return written.response_format.json_schema.strict;
}

describe("a schema that an answer must follow", () => {
  const city = { type: "string" };
  const closed = { type: "object", additionalProperties: false };
  const strict = { ...closed, properties: { city }, required: ["city"] };

  it("is asked for strictly of OpenAI where that takes it", () => {
    expect(asked(strict)).toBe(true);
    const nested = { places: { type: "array", items: { $ref: "#/$defs/place" } } };
    const whole = { ...closed, properties: nested, required: ["places"], $defs: { place: strict } };
    expect(asked(whole)).toBe(true);
  });

  it("is asked for as well as it can be where a member may be missing", () => {
    expect(asked({ ...strict, required: [] })).toBeUndefined();
    expect(asked({ ...strict, additionalProperties: undefined })).toBeUndefined();
    const within = { ...closed, properties: { a: { ...strict, required: [] } }, required: ["a"] };
    expect(asked(within)).toBeUndefined();
    const choice = {
      ...closed,
      properties: { a: { anyOf: [{ type: "object" }] } },
      required: ["a"],
    };
    expect(asked(choice)).toBeUndefined();
  });
});
