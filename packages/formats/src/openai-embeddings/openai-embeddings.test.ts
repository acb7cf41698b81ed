import { UsageSource, VectorEncoding } from "@penstock/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mostToldTokens } from "../told-count.ts";
import { encodeVector, vectorValues } from "../vector-encoding.ts";
import answers from "./__fixtures__/answers.json" with { type: "json" };
import requests from "./__fixtures__/requests.json" with { type: "json" };
import { openaiEmbeddings } from "./openai-embeddings.ts";
import { checkEmbeddingParameters } from "./write-request.ts";

const { readRequest, readResponse, writeRequest, writeResponse } = openaiEmbeddings;
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const target = { model: "upstream", quirks: { sendsBase64: false, knowsUser: true } };
const none = { $typeName: "penstock.type.v1.TokenUsage", source: UsageSource.REPORTED } as const;

describe("requests", () => {
  it.each(requests.fixtures)("$name", ({ body, written }) => {
    const { request } = readRequest(encode(body));
    expect(JSON.parse(writeRequest(request, target))).toEqual(written);
    // Written and read again it is the same, but for what is Penstock's.
    const { request: again } = readRequest(new TextEncoder().encode(writeRequest(request, target)));
    expect(again.inputs).toEqual(request.inputs);
    expect(again.formatParameters).toEqual(request.formatParameters);
    expect([again.dimensions, again.endUser]).toEqual([request.dimensions, request.endUser]);
  });

  it.each(requests.refused)("refuses $name", ({ body, fields, reason }) => {
    const violations = fields.map((field) => expect.objectContaining({ field }));
    expect(() => readRequest(encode(body))).toThrow(
      expect.objectContaining({ reason, fieldViolations: violations }),
    );
  });

  it("keeps what is said to Penstock", () => {
    const routing = { max_attempts: 1 };
    const penstock = { labels: { app: "a" }, routing, idempotency_key: "k", report: true };
    const read = readRequest(encode({ model: "m", input: "x", penstock, session_id: "s" }));
    expect([read.wishDialect, read.report, read.request.session]).toEqual([
      "penstock.routing",
      true,
      "s",
    ]);
    expect(read.request).toMatchObject({
      labels: { app: "a" },
      idempotencyKey: "k",
      routing: { maxAttempts: 1 },
    });
  });

  it("asks for base64 and tells the end user only where the target knows that", () => {
    const { request } = readRequest(encode({ model: "m", input: "x", user: "u" }));
    const quirks = { sendsBase64: true, knowsUser: false };
    const written: unknown = JSON.parse(writeRequest(request, { model: "n", quirks }));
    expect(written).toEqual({ model: "n", input: "x", encoding_format: "base64" });
  });

  it("refuses 2,049 inputs, and parameters that are fields of the request", () => {
    const input = Array.from({ length: 2_049 }, () => "x");
    expect(() => readRequest(encode({ model: "m", input }))).toThrow("2048");
    expect(() => readRequest(encode({ model: "m", input: "" }))).toThrow("not be empty");
    const { request } = readRequest(encode({ model: "m", input: "x" }));
    request.formatParameters["openai-embeddings"] = { input: "y", url: "z", task: "ok" };
    expect(() => checkEmbeddingParameters(request)).toThrow(
      expect.objectContaining({
        reason: "UNSUPPORTED_FIELD",
        fieldViolations: [
          expect.objectContaining({ field: 'format_parameters["openai-embeddings"].input' }),
          expect.objectContaining({ field: 'format_parameters["openai-embeddings"].url' }),
        ],
      }),
    );
    expect(JSON.parse(writeRequest(request, target))).toMatchObject({ input: "x", task: "ok" });
  });
});

describe("answers", () => {
  it.each(answers.fixtures)("$name", ({ body, vectors, inputTokens }) => {
    const answer = readResponse(encode(body), { count: vectors.length, dimensions: undefined });
    expect(answer.embeddings.map(vectorValues)).toEqual(vectors);
    expect(answer.embeddings.map(({ index }) => index)).toEqual(vectors.map((_, at) => at));
    expect(answer.end.model).toBe(body.model);
    const counted = answer.end.usage?.inputTokens;
    expect(counted === undefined ? null : Number(counted)).toBe(inputTokens);
    if (inputTokens !== null) expect(answer.end.usage?.outputTokens).toBe(0n);
  });

  it.each(answers.malformed)("takes $name for malformed", ({ body, count, dimensions }) => {
    expect(() => readResponse(encode(body), { count, dimensions })).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_MALFORMED" }),
    );
  });

  it("takes an error in a 200 for an error", () => {
    const body = encode({ error: { code: 429, message: "x" } });
    expect(() => readResponse(body, { count: 1, dimensions: undefined })).toThrow(
      expect.objectContaining({ reason: "UPSTREAM_RATE_LIMITED" }),
    );
  });

  it("are the same after having been written and read, in both encodings", () => {
    const float = fc.float({ noNaN: true, noDefaultInfinity: true });
    const sized = fc
      .integer({ min: 1, max: 40 })
      .chain((length) =>
        fc.array(fc.array(float, { minLength: length, maxLength: length }), { minLength: 1 }),
      );
    const encodings = fc.constantFrom(VectorEncoding.VALUES, VectorEncoding.BYTES);
    fc.assert(
      fc.property(
        sized,
        encodings,
        fc.nat({ max: mostToldTokens }),
        (vectors, encoding, tokens) => {
          const plain = vectors.map((vector) => vector.map((value) => (value === 0 ? 0 : value)));
          const body = {
            data: plain.map((embedding, index) => ({ index, embedding })),
            model: "m",
          };
          const expected = { count: plain.length, dimensions: plain[0]!.length };
          const answer = readResponse(encode(body), expected);
          const usage = { ...none, inputTokens: BigInt(tokens) };
          const text = writeResponse(answer, { model: "asked" }, encoding, usage);
          const again = readResponse(new TextEncoder().encode(text), expected);
          expect(again.embeddings.map(vectorValues)).toEqual(plain);
          expect(again.end.model).toBe("asked");
          expect(again.end.usage?.inputTokens).toBe(BigInt(tokens));
          const other = encodeVector(answer.embeddings[0]!, encoding);
          expect(other.data.length).toBe(
            encoding === VectorEncoding.BYTES ? 4 * plain[0]!.length : 0,
          );
          expect(vectorValues(other)).toEqual(plain[0]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("never throws but what the format says, whatever a server writes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (data, usage) => {
        const body = encode({ data: [{ embedding: data }, data], usage });
        try {
          readResponse(body, { count: 2, dimensions: undefined });
        } catch (error) {
          expect(error).toMatchObject({ reason: "UPSTREAM_MALFORMED" });
        }
      }),
      { numRuns: 500 },
    );
  });
});
