import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BodyEdit, CallerRequest, FormatQuirks } from "../format.ts";
import { FieldProblems } from "../field-problems.ts";
import { JsonWalker } from "../json-walker.ts";
import { decodeAscii } from "../read-json.ts";
import { forwardRequest } from "./forward-request.ts";
import { readPlainFields } from "./read-plain-request.ts";
import { newDraft, readAnyRequest, readRequest } from "./read-request.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Whether a body is read in one pass. */
function isPlain(text: string): boolean {
  const body = encode(text);
  if (decodeAscii(body) === undefined) return false;
  const walker = new JsonWalker(text, body);
  return readPlainFields(walker, newDraft(), new FieldProblems()) !== undefined;
}

/** The places of an edit are those of bytes. */
function spliced(body: Uint8Array, { start, end, text }: BodyEdit): string {
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return decode(body.subarray(0, start)) + text + decode(body.subarray(end));
}

const targets: Partial<FormatQuirks>[] = [
  {},
  { maxTokensField: "max_tokens" },
  { omitsUser: true, supportsStreamUsage: false },
  { seedField: "random_seed" },
];

/** What is read, and what becomes of the body for targets; or why it is refused. */
function outcome(read: (body: Uint8Array) => CallerRequest, text: string): unknown {
  const body = encode(text);
  try {
    const { forwardable, ...asked } = read(body);
    const sent = targets.map((quirks) => {
      const target = {
        model: "up",
        stream: asked.stream,
        quirks: { ...ordinary, ...quirks },
      };
      const edit = forwardable && forwardRequest(forwardable, asked.request, target);
      return edit && JSON.parse(spliced(body, edit));
    });
    return { ...asked, sent, streamField: forwardable?.fields["stream"] };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { message: error.message, violations: error.fieldViolations };
  }
}

const ordinary: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
};

const hi = [{ role: "user", content: "hi" }];

describe("a plain request", () => {
  it.each([
    { model: "m", messages: hi },
    { messages: [{ content: 'a\n"b"\\', role: "system" }, ...hi], model: "vendor/model-12345678" },
    { model: "m", messages: hi, temperature: 0.7, max_tokens: 256, user: "user-1234567890" },
    { model: "m", messages: hi, stream: true, stream_options: { include_usage: true } },
    { model: "m", messages: hi, stream: false, stream_options: {}, seed: 7, n: 2, top_p: 1 },
    { model: "m", messages: hi, max_completion_tokens: 1, reasoning_effort: "low" },
  ])("is read in one pass, to the same: %j", (body) => {
    for (const space of [0, 2]) {
      const text = JSON.stringify(body, null, space);
      expect(isPlain(text)).toBe(true);
      expect(outcome(readRequest, text)).toEqual(outcome(readAnyRequest, text));
    }
  });

  it.each([
    '{"model":"m","messages":[]}',
    '{"model":"m","messages":[{"role":"user"}]}',
    '{"model":"m","messages":[{"role":"user","content":"a","name":"b"}]}',
    '{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}',
    '{"model":"m","messages":[{"role":"tool","content":"a","tool_call_id":"b"}]}',
    '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}',
    '{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
    '{"model":"m","messages":[{"role":"user","content":"\\x"}]}',
    '{"model":"m","messages":[{"role":"user","content":"a\tb"}]}',
    '{"model":"m","messages":[{"role":"user","content":"a"}]}x',
    '{"model":"m","messages":[{"role":"user","content":"a"},]}',
    '{"model":"m","model":"n","messages":[{"role":"user","content":"a"}]}',
    '{"mod\\u0065l":"m","messages":[{"role":"user","content":"a"}]}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],\f"n":1}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"n":01}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"n":1e0}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"n":-1}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"n":1.}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"n":null}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"stream":truefalse}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"stream":"yes"}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[]}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"penstock":{}}',
    '{"model":"m","messages":[{"role":"user","content":"a"}],"api_base":"x"}',
  ])("is none: %s", (text) => {
    expect(isPlain(text)).toBe(false);
    expect(outcome(readRequest, text)).toEqual(outcome(readAnyRequest, text));
  });

  it("is read to the same whatever its numbers", () => {
    const digits = fc.stringMatching(/^(0|[1-9]\d{0,12})(\.\d{1,6})?$/);
    fc.assert(
      fc.property(fc.oneof(digits, fc.double({ min: 0, max: 2, noNaN: true }).map(String)), (n) => {
        const text = `{"model":"m","messages":${JSON.stringify(hi)},"temperature":${n},"seed":${n}}`;
        expect(outcome(readRequest, text)).toEqual(outcome(readAnyRequest, text));
      }),
    );
  });

  it("is read to the same, or left to who reads all kinds, whatever comes", () => {
    const value = fc.oneof(
      fc.constantFrom('"m"', '"user"', "1", "0.5", "2.0", "true", "false", "null", "[]", "{}"),
      fc.string({ maxLength: 12 }).map((one) => JSON.stringify(one)),
      fc.constantFrom('"\\n"', '"\\u0041"', '"\\"', '"ä"', "1e3", "-0", "01", "tru", "[1]"),
      fc.constantFrom('{"include_usage":true}', '{"include_usage":1}', '{"include_usage":true,}'),
    );
    const names =
      "model temperature max_tokens max_completion_tokens stream stream_options user top_p n seed " +
      "frequency_penalty presence_penalty reasoning_effort stop tools other penstock messages";
    const sound = {
      temperature: "0.5",
      stream: "true",
      stream_options: '{"include_usage":true}',
      user: '"u"',
      n: "2",
      max_tokens: "5",
      seed: "12",
    };
    const field = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...Object.entries(sound)) },
      fc.tuple(fc.constantFrom(...names.split(" ")), value),
    );
    const message = fc
      .uniqueArray(fc.constantFrom("role", "content", "name"), { minLength: 1 })
      .chain((keys) => fc.tuple(...keys.map((key) => fc.tuple(fc.constant(key), value))));
    const objectOf = (members: readonly [string, string][]): string =>
      `{${members.map(([name, one]) => `"${name}":${one}`).join(", ")}}`;
    const said = fc.tuple(
      fc.constantFrom("user", "system", "assistant"),
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom('"hi"', '"a\\nb"', '""') }, value),
    );
    const plainMessage = said.map(([role, one]) => `{"role":"${role}","content":${one}}`);
    const messages = fc
      .array(fc.oneof({ weight: 9, arbitrary: plainMessage }, message.map(objectOf)), {
        maxLength: 3,
      })
      .map((list): [string, string] => ["messages", `[${list.join(" , ")}]`]);
    const body = fc
      .tuple(fc.array(field, { maxLength: 4 }), messages, fc.boolean())
      .map(([fields, list, modelled]) =>
        objectOf([...(modelled ? [["model", '"m"'] as [string, string]] : []), ...fields, list]),
      );
    const cut = fc.tuple(body, fc.nat(), fc.constantFrom("", ",", '"', "}", "\\", "\u0001"));
    const broken = cut.map(([text, at, by]) => {
      const place = at % text.length;
      return text.slice(0, place) + by + text.slice(place + 1);
    });
    let plain = 0;
    fc.assert(
      fc.property(fc.oneof(body, broken), (text) => {
        if (isPlain(text)) plain += 1;
        expect(outcome(readRequest, text)).toEqual(outcome(readAnyRequest, text));
      }),
      { numRuns: 3_000 },
    );
    expect(plain).toBeGreaterThan(100);
  });
});
