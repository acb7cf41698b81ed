import { GatewayError } from "@penstock/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJsonObject, readScannedJson } from "./read-json.ts";
import { scanJson } from "./scan-json.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function refusal(run: () => unknown): GatewayError {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("scanJson", () => {
  it("lets every JSON text through that the engine writes, and counts its keys", () => {
    const anything = fc.object({ maxDepth: 5, withNullPrototype: false });
    fc.assert(
      fc.property(anything, fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        fc.pre(!/__proto__|"prototype"|\\ud/.test(text));
        const scan = scanJson(encode(text));
        expect(scan.topLevelKeys).toBe(Object.keys(JSON.parse(text) as object).length);
      }),
      { numRuns: 500 },
    );
  });

  it("knows where the model stands, so that only its bytes need to change", () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), (model, before, after) => {
        const text = JSON.stringify({ before, model, after });
        fc.pre(!/__proto__|"prototype"|\\ud/.test(text));
        const body = encode(text);
        const range = scanJson(body).model;
        const value = new TextDecoder().decode(body.subarray(range?.start, range?.end));
        expect(JSON.parse(value)).toBe(model);
      }),
    );
    expect(scanJson(encode(`{"a":{"model":1}}`)).model).toBeUndefined();
  });

  it("never throws anything but a refusal, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          scanJson(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
        }
      }),
    );
    const nearJson = fc.stringMatching(/^[{}[\]:,"\\ue0d8a1 ]{0,40}$/);
    fc.assert(
      fc.property(nearJson, (text) => {
        try {
          readJsonObject(encode(text));
          expect(() => JSON.parse(text) as unknown).not.toThrow();
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses five million nested lists at once, with the position", () => {
    const error = refusal(() => scanJson(encode("[".repeat(5_000_000))));
    expect(error.reason).toBe("FIELD_INVALID");
    expect(error.message).toContain("(at byte 64)");
  });

  it("takes depth 64 and refuses 65", () => {
    const nested = (depth: number): Uint8Array =>
      encode(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);
    expect(() => scanJson(nested(64))).not.toThrow();
    expect(() => scanJson(nested(65))).toThrow(GatewayError);
  });

  it("refuses too many keys", () => {
    const keys = (count: number): string =>
      Array.from({ length: count }, (_, key) => `"k${key}":1`).join(",");
    expect(() => scanJson(encode(`{"a":{${keys(99_999)}}}`))).not.toThrow();
    expect(() => scanJson(encode(`{"a":{${keys(100_000)}}}`))).toThrow(/100000 keys/);
    expect(() => scanJson(encode(`{${keys(257)}}`))).toThrow(/256 fields/);
  });

  it.each([
    [`{"model":"a","x":1,"model":"b"}`, "model"],
    [`{"stream" : true, "stream" :false}`, "stream"],
    [`{"__proto__":{}}`, "__proto__"],
    [`{"metadata":{"__proto__":{"a":1}}}`, "metadata.__proto__"],
    [`{"constructor":{"prototype":{"x":1}}}`, "constructor.prototype"],
    [`{"tools":[{"constructor" : {"a":[{}],"prototype":1}}]}`, "tools.….prototype"],
    [`{"constructor":{"constructor":{},"prototype":1}}`, "constructor.prototype"],
    [`{"\\u005f_proto__":1}`, "__proto__"],
    [`{"const\\u0072uctor":{"prototyp\\u0065":1}}`, "const\\u0072uctor.prototype"],
  ])("refuses %s naming %s", (text, field) => {
    expect(refusal(() => scanJson(encode(text))).fieldViolations[0]).toMatchObject({ field });
  });

  it.each([
    `{"tools":[{"parameters":{"properties":{"constructor":{"type":"string"},"prototype":{}}}}]}`,
    `{"constructor":1,"prototype":2}`,
    `{"constructor":{"properties":{"prototype":{}}}}`,
    `{"a":[{"constructor":{}},[{"prototype":1}]]}`,
    `{"a":[{"constructor":1},[{"prototype":1}]],"prototype":{}}`,
    `{"constructor":[{"prototype":1}]}`,
  ])("takes names of properties as they are in %s", (text) => {
    expect(() => scanJson(encode(text))).not.toThrow();
    const read = readJsonObject(encode(text));
    expect(JSON.stringify(read)).toBe(text);
    // Whatever comes, what all objects inherit stays as it is.
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect({}.constructor).toBe(Object);
  });

  it("does not take values for keys", () => {
    expect(() => scanJson(encode(`{"a":"__proto__","b":["constructor"]}`))).not.toThrow();
  });

  it.each([`"\\ud800"`, `"\\udc00\\ud800"`, `"\\ud83dx"`, `"${"x".repeat(100)}\\uD83D\\u0041"`])(
    "refuses half a surrogate pair in %s",
    (value) => {
      expect(() => scanJson(encode(`{"a":${value}}`))).toThrow(/surrogate/);
    },
  );

  it("takes whole surrogate pairs, and escapes in long strings", () => {
    const long = `${"x".repeat(500)}\\"\\\\${"y".repeat(500)}\\ud83d\\ude00`;
    expect(readJsonObject(encode(`{"a":"${long}","b":2}`))["b"]).toBe(2);
  });

  it("stays linear when a long string is full of escapes", () => {
    const text = `{"a":"${'\\"'.repeat(400_000)}${"x".repeat(400_000)}"}`;
    const startMs = Date.now();
    scanJson(encode(text));
    expect(Date.now() - startMs).toBeLessThan(10_000);
  });
});

describe("readScannedJson", () => {
  const within = (inner: string): Uint8Array => encode(`{"model":"m","a":[{"x":${inner}}]}`);

  it.each([
    `{"role":"user","content":"one","role":"system"}`,
    `{"role":"user","rol\\u0065":"system"}`,
    `{"type":"text","text":"fine","text":"refused"}`,
    `{"a":{"b":1,"c":{},"b":1}}`,
    `{"":1,"":2}`,
    `{"ключ":1,"ключ":1}`,
  ])("refuses a key that is given twice inside, as in %s", (inner) => {
    const error = refusal(() => readScannedJson(within(inner)));
    expect(error.reason).toBe("FIELD_INVALID");
    expect(error.message).toContain("given twice");
    expect(() => readScannedJson(encode(`{"a":[${inner},${inner}]}`))).toThrow(GatewayError);
  });

  it("takes every other object, and the same keys in objects of their own", () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 4, maxKeys: 40, withNullPrototype: false }), (value) => {
        const text = JSON.stringify({ value, again: [value, { value }] });
        fc.pre(!/__proto__|"prototype"|\\ud/.test(text));
        expect(readScannedJson(encode(text)).value).toEqual(JSON.parse(text));
      }),
    );
  });

  it("finds one of many keys given twice, wherever it stands", () => {
    const key = fc.string({ maxLength: 6 }).filter((name) => !/^(__proto__|prototype)$/.test(name));
    const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(keys, fc.nat(), fc.nat({ max: 60 }), (names, which, depth) => {
        const repeated = [...names, names[which % names.length] as string];
        const members = repeated.map((name) => `${JSON.stringify(name)}:[{}]`).join(",");
        fc.pre(!/\\ud/.test(members));
        const text = `${'{"a":'.repeat(depth + 1)}{${members}}${"}".repeat(depth + 1)}`;
        expect(() => readScannedJson(encode(text))).toThrow(/given twice/);
      }),
    );
  });

  it("does not lose sight of it where texts may be as deep as one likes", () => {
    const deep = `${"[".repeat(200)}${"]".repeat(200)}`;
    const text = encode(`{"a":{"b":1,"c":${deep},"b":2}}`);
    expect(() => readScannedJson(text, { maxDepth: 1_000 })).toThrow(/given twice/);
  });

  it("does not mind in what a provider answers, which is read and not passed on", () => {
    expect(readJsonObject(encode(`{"a":{"b":1,"b":2}}`))).toEqual({ a: { b: 2 } });
  });
});

describe("readJsonObject", () => {
  it.each([
    ["", "is empty"],
    ["null", "not a JSON object"],
    ["[]", "not a JSON object"],
    [`"x"`, "not a JSON object"],
    ["{} x", "text follows the value (at character 3)"],
    ["\uFEFF{}", "a value is expected, not a byte order mark (at character 0)"],
    [`{"a":NaN}`, "a value is expected (at character 5)"],
    ["{'a':1}", "a key in double quotes is expected (at character 1)"],
    [`{"a":1 /* no */}`, `"," or "}" is expected (at character 7)`],
    [`{"a":1`, "the text ends too early (at character 6)"],
    [`{"a":"\n"}`, "a control character stands in a string (at character 6)"],
    [`{"a":"\\x"}`, "an escape is unknown (at character 7)"],
    [`{"a":01}`, `"," or "}" is expected (at character 6)`],
    [`{"a":[1e309]}`, "a number out of range"],
    [`{"a":-1E999}`, "a number out of range"],
    [`{"a":${"9".repeat(400)}}`, "a number out of range"],
    [`{"a":1,"\\u0061":2}`, "given twice"],
  ])("refuses %j because it %s", (text, problem) => {
    expect(refusal(() => readJsonObject(encode(text))).message).toContain(problem);
  });

  it.each([[[0xff]], [[0xc0, 0xaf]], [[0xed, 0xa0, 0x80]], [[0xf4, 0x90, 0x80, 0x80]]])(
    "refuses the bytes %j, which are not UTF-8",
    (bytes) => {
      const body = Uint8Array.from([...encode(`{"a":"`), ...bytes, ...encode(`"}`)]);
      expect(refusal(() => readJsonObject(body)).message).toContain("UTF-8");
    },
  );
});
