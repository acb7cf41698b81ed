import fc from "fast-check";
import { describe, expect, it } from "vitest";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import { encode } from "../conformance/read-outcome.fixture.ts";
import { readResponse } from "./read-response.ts";
import { relayResponse } from "./relay-response.ts";

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const look = (text: string) => {
  const bytes = encode(text);
  return relayResponse(latin1(bytes), bytes);
};

describe("relaying a whole answer", () => {
  it.each(answers.rows.filter(({ usage }) => usage !== null))(
    "learns from the text what reading it would tell: $name",
    ({ body }) => {
      for (const space of [0, 2]) {
        const text = JSON.stringify(body, null, space);
        const found = look(text)!;
        expect(found.end).toEqual(readResponse(encode(text)).end);
        expect(JSON.parse(text.slice(found.model.start, found.model.end))).toBe(body.model);
      }
    },
  );

  it("takes no cut text for an answer", () => {
    const text = JSON.stringify(answers.rows[2]!.body);
    for (let length = 0; length < text.length; length++) {
      expect(look(text.slice(0, length))).toBeUndefined();
    }
    expect(look(`${text}{`)).toBeUndefined();
  });

  it("takes no content for a list that is none", () => {
    const message = { ...answers.rows[0]!.body, content: [] };
    const withContent = (list: string): string =>
      JSON.stringify(message).replace('"content":[]', `"content":${list}`);
    expect(look(withContent("[ ]"))).toBeDefined();
    expect(look(withContent('[{"type":"text","text":"a"} , 1]'))).toBeDefined();
    for (const list of ["[1,]", "[,1]", "[1 1]", "[1", "[1}", "1]", "[,]", "1"]) {
      expect(look(withContent(list)), list).toBeUndefined();
    }
  });

  it("leaves to reading what is unusual", () => {
    const { body } = answers.rows[0]!;
    const odd = [
      { ...body, type: "error" },
      { ...body, error: {} },
      { ...body, usage: { input_tokens: -1 } },
      { ...body, usage: undefined },
      { ...body, stop_reason: null },
      { ...body, content: "x" },
      { ...body, model: "é" },
    ];
    for (const one of odd) expect(look(JSON.stringify(one))).toBeUndefined();
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (text) => {
        expect(look(text)).toBeUndefined();
      }),
    );
  });
});
