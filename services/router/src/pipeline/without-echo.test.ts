import { create } from "@bufbuild/protobuf";
import { EmbedRequestSchema, GenerateRequestSchema, MessageRole } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPipeline } from "./pipeline.fixture.ts";
import { plainFailure } from "./attempt-failure.ts";
import { withoutEcho } from "./without-echo.ts";

const prompt = 'My patient Jane Doe,\nborn 1961, has "chronic" migraines; naïve 患者の記録です。';

function asking(text: string) {
  const messages = [
    { role: MessageRole.USER, parts: [{ part: { case: "text" as const, value: { text } } }] },
  ];
  const request = create(GenerateRequestSchema, { model: "llama-3.3-70b-instruct", messages });
  return { request, vectors: undefined };
}

function kept(providerMessage: string, context: Parameters<typeof withoutEcho>[1]): string {
  return withoutEcho({ ...plainFailure("BAD_REQUEST"), providerMessage }, context).providerMessage;
}

describe("what a provider says of a request", () => {
  const body = JSON.stringify({ messages: [{ role: "user", content: prompt }] });
  const inAscii = body.replace(
    /[^ -~]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

  it.each([
    ["as it is", prompt],
    ["as JSON", body],
    ["as JSON of ASCII alone", inAscii],
    ["as JSON within JSON", JSON.stringify(body)],
    ["cut off", prompt.slice(0, 60)],
    ["in capitals", prompt.toUpperCase()],
  ])("is kept without the request that it repeats %s", (_, echo) => {
    const words = kept(`cannot parse: ${echo} at line 1`, asking(prompt));
    expect(words).toMatch(/^cannot parse: .*\[…\].* at line 1$/s);
    for (const word of ["Jane", "1961", "chronic", "naïve", "患者"]) {
      expect(words.toLowerCase()).not.toContain(word.toLowerCase());
    }
  });

  it.each([
    "Invalid value for 'max_tokens': 99999 is above 8192",
    "The model llama-3.3-70b-instruct does not exist",
    "messages[0].content[1].image_url is not supported by this model",
  ])("is kept where it repeats nothing: %s", (words) => {
    expect(kept(words, asking(prompt))).toBe(words);
  });

  it("is kept without short texts, bytes, and texts and tokens to embed", () => {
    expect(kept('got "PIN 4711-0815"', asking("PIN 4711-0815"))).toBe('got "[…]"');
    expect(kept(`bad image ${"iVBORw0KGgo".repeat(9)}`, asking("?"))).toBe("bad image […]");
    const vectors = (input: object) => ({
      request: undefined,
      vectors: create(EmbedRequestSchema, { inputs: [{ input }] } as never),
    });
    const text = vectors({ case: "text", value: prompt });
    expect(kept(`no: ${prompt}`, text)).toBe("no: […]。");
    const tokens = vectors({ case: "tokens", value: { tokens: [15339, 1917, 4438, 527, 499] } });
    expect(kept("bad input [15339,1917,4438,527,499]", tokens)).toBe("bad input [[…]]");
  });

  it("is not kept at all of a request that is too long to be compared", () => {
    expect(kept("The input is too long", asking("word ".repeat(300_000)))).toBe("");
  });

  it("never has 16 letters in a row of the request", () => {
    const piece = fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(piece, piece, piece, (before, text, behind) => {
        const letters = (of: string) => of.replace(/[^\p{L}\p{M}\p{N}]+/gu, "").toLowerCase();
        const [words, asked] = [letters(kept(before + text + behind, asking(text))), letters(text)];
        for (let at = 0; at + 16 <= asked.length; at += 1) {
          expect(words).not.toContain(asked.slice(at, at + 16));
        }
      }),
    );
  });
});

it("is in no record, and the caller reads the rest", () => {
  const pipeline = createPipeline();
  const { downstream } = pipeline.send({ messages: asking(prompt).request.messages });
  pipeline.upstream.last.headers(400, { "content-type": "application/json" });
  const message = `cannot parse: ${prompt}`;
  pipeline.upstream.last.data(
    JSON.stringify({ error: { message, type: "invalid_request_error" } }),
  );
  pipeline.upstream.last.call.sink.onEnd();
  expect(downstream.error?.message).toContain('"cannot parse: […]');
  const [record] = pipeline.spool.finals;
  expect(record?.error?.message).toContain("cannot parse: […]");
  expect(record?.error?.message).not.toContain("Jane");
});
