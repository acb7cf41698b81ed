import { VectorEncoding } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mutated, mutations } from "../conformance/changed-bytes.fixture.ts";
import type { ExpectedVectors } from "../embedding-format.ts";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import { readResponse } from "./read-response.ts";
import { relayResponse } from "./relay-response.ts";
import { writeResponse } from "./write-response.ts";

const { BYTES, UNSPECIFIED, VALUES } = VectorEncoding;
const encoder = new TextEncoder();
const asked = { model: "asked" };

/** The answer with the model replaced, as a caller gets it; undefined: it is to be written anew. */
function relayed(body: Uint8Array, expected: ExpectedVectors, encoding: VectorEncoding) {
  const text = String.fromCharCode(...body);
  const found = relayResponse(text, body, expected, encoding);
  if (found === undefined) return undefined;
  const { model, end } = found;
  const spliced = `${text.slice(0, model.start)}"asked"${text.slice(model.end)}`;
  return { end, answer: JSON.parse(spliced) as Record<string, unknown> };
}

/** The same by reading it and writing it anew. */
function rewritten(body: Uint8Array, expected: ExpectedVectors, encoding: VectorEncoding) {
  const answer = readResponse(body, expected);
  const { usage } = answer.end;
  if (usage === undefined) throw new Error("it tells no usage");
  const text = writeResponse(answer, asked, encoding, usage);
  return { end: answer.end, answer: JSON.parse(text) as Record<string, unknown> };
}

/** Whatever is passed on is what would have been written; true where it is passed on. */
function isFaithful(body: Uint8Array, expected: ExpectedVectors, encoding: VectorEncoding) {
  const found = relayed(body, expected, encoding);
  if (found === undefined) return false;
  const anew = rewritten(body, expected, encoding);
  expect(found.answer).toMatchObject({ object: "list", model: "asked" });
  expect(plain(found.answer["data"])).toEqual(plain(anew.answer["data"]));
  expect(found.answer["usage"]).toMatchObject({
    prompt_tokens: Number(anew.end.usage?.inputTokens),
  });
  expect(found.end).toEqual({ ...anew.end, rawUsage: undefined });
  return true;
}

/** Without a difference of -0 and 0, which vectors do not know. */
function plain(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data)) as unknown;
}

const usage = { prompt_tokens: 8, total_tokens: 8 };
const anyFloat = fc.float({ noNaN: true, noDefaultInfinity: true });
const vectorsOf = fc
  .integer({ min: 1, max: 12 })
  .chain((length) =>
    fc.array(fc.array(anyFloat, { minLength: length, maxLength: length }), { minLength: 1 }),
  );

function body(vectors: readonly (readonly number[])[], encoding: VectorEncoding): object {
  const data = vectors.map((vector, index) => ({
    object: "embedding",
    index,
    embedding:
      encoding === BYTES ? new Uint8Array(Float32Array.from(vector).buffer).toBase64() : vector,
  }));
  return { object: "list", data, model: "upstream", usage };
}

const encode = (value: unknown, space = 0) => encoder.encode(JSON.stringify(value, null, space));
const one = { count: 1, dimensions: undefined };

describe("relaying an answer with vectors", () => {
  it("passes on what reading it and writing it anew would say", () => {
    const encodings = fc.constantFrom(UNSPECIFIED, VALUES, BYTES);
    fc.assert(
      fc.property(vectorsOf, encodings, fc.constantFrom(0, 1), (vectors, encoding, space) => {
        const length = vectors[0]?.length ?? 0;
        const small = vectors.every((vector) => vector.every((value) => Math.abs(value) < 1e20));
        const expected = { count: vectors.length, dimensions: length };
        const sent = encode(body(vectors, encoding), space);
        const passed = isFaithful(sent, expected, encoding);
        // JavaScript writes larger ones with an exponent.
        if (small || encoding === BYTES) expect(passed).toBe(true);
        expect(relayed(sent, { ...expected, dimensions: length + 1 }, encoding)).toBeUndefined();
        expect(relayed(sent, { ...expected, count: length + 99 }, encoding)).toBeUndefined();
        const other = encoding === BYTES ? VALUES : BYTES;
        expect(relayed(sent, expected, other)).toBeUndefined();
      }),
    );
  });

  it("passes nothing on that reading would refuse, whatever bytes are changed", () => {
    const two = [
      [0.25, -1e-5, 3],
      [1, 2, -3.5],
    ];
    const expected = { count: 2, dimensions: 3 };
    for (const encoding of [VALUES, BYTES]) {
      const whole = encode(body(two, encoding));
      expect(isFaithful(whole, expected, encoding)).toBe(true);
      fc.assert(
        fc.property(mutations(whole.length), (changes) => {
          const changed = mutated(whole, changes);
          // As bodies that are not UTF-8 are never looked over.
          if (new TextDecoder().decode(changed).includes("\ufffd")) return;
          isFaithful(changed, expected, encoding);
        }),
        { numRuns: 3_000 },
      );
      for (let length = 0; length < whole.length; length += 1) {
        expect(relayed(whole.subarray(0, length), expected, encoding)).toBeUndefined();
      }
    }
  });

  it.each(answers.fixtures.slice(0, 3))("agrees with reading on: $name", ({ body: given }) => {
    const expected = { count: given.data.length, dimensions: undefined };
    const isBytes = typeof given.data[0]?.embedding === "string";
    const passed = isFaithful(encode(given), expected, isBytes ? BYTES : VALUES);
    // Callers of today's get vectors in the order of their inputs.
    expect(passed).toBe(!isBytes);
  });

  it.each(answers.malformed)("passes nothing on of $name", ({ body: given, count, dimensions }) => {
    const whole = { object: "list", model: "m", usage, ...given };
    for (const encoding of [VALUES, BYTES]) {
      expect(relayed(encode(whole), { count, dimensions }, encoding)).toBeUndefined();
    }
  });

  it("leaves to reading what is unusual", () => {
    const usual = body([[0.5]], VALUES);
    expect(
      relayed(encode({ ...usual, id: "e", created: 1_767_225_600 }), one, VALUES),
    ).toBeDefined();
    const odd: object[] = [
      { ...usual, object: "lists" },
      { ...usual, model: "é" },
      { ...usual, model: undefined },
      { ...usual, usage: undefined },
      { ...usual, usage: { prompt_tokens: 8 } },
      { ...usual, usage: { prompt_tokens: -1, total_tokens: 8 } },
      { ...usual, usage: { ...usage, ["__proto__x"]: 1 } },
      { ...usual, error: { message: "x" } },
      { ...usual, penstock: {} },
      { ...usual, created: "x" },
      { ...usual, data: [{ index: 0, embedding: [0.5] }] },
      { ...usual, data: [{ object: "embedding", embedding: [0.5] }] },
      { ...usual, data: [{ object: "embedding", index: 0, embedding: [0.5], more: 1 }] },
    ];
    for (const given of odd) {
      expect(relayed(encode(given), one, VALUES), JSON.stringify(given)).toBeUndefined();
    }
    const text = JSON.stringify(usual);
    const lists = [
      "[0.5,]",
      "[,0.5]",
      "[01]",
      "[1.]",
      "[.5]",
      "[+1]",
      "[1e]",
      "[1e5]",
      "[-]",
      "[1 2]",
    ];
    for (const list of [...lists, "[]", "[NaN]", `[${"9".repeat(39)}]`, "[[0.5]]", '["0.5"]']) {
      const changed = encoder.encode(text.replace("[0.5]", list));
      expect(relayed(changed, one, VALUES), list).toBeUndefined();
    }
    for (const list of ["[ 0.5 ]", "[-0]", "[1E-7]", "[5e-324]", `[${"9".repeat(38)}]`]) {
      expect(isFaithful(encoder.encode(text.replace("[0.5]", list)), one, VALUES), list).toBe(true);
    }
    for (const base64 of ["AAAAPw", "AAAA Pw==", "AAAAPx==", "AACAfw==", "AAAA"]) {
      const given = { ...usual, data: [{ object: "embedding", index: 0, embedding: base64 }] };
      expect(relayed(encode(given), one, BYTES), base64).toBeUndefined();
    }
  });
});
