import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { locateValue, only, stringAt } from "./locate-value.ts";

const valueAt = (text: string, path: Parameters<typeof locateValue>[1]): unknown => {
  const found = locateValue(text, path);
  return found === undefined ? undefined : JSON.parse(text.slice(found.start, found.end));
};

const isEscaped = (key: string): boolean => JSON.stringify(key) !== `"${key}"`;

describe("locateValue", () => {
  it("finds what JSON.parse finds", () => {
    const plain = fc.string({ maxLength: 4 }).filter((key) => !isEscaped(key));
    const inner = fc.dictionary(plain, fc.jsonValue(), { maxKeys: 5 });
    const outer = fc.dictionary(plain, fc.oneof(fc.jsonValue(), inner), { maxKeys: 5 });
    fc.assert(
      fc.property(outer, fc.constantFrom(0, 1), (value, space) => {
        const text = JSON.stringify(value, null, space);
        for (const [name, member] of Object.entries(JSON.parse(text) as object)) {
          expect(valueAt(text, [name])).toEqual(member);
          if (typeof member !== "object" || member === null || Array.isArray(member)) continue;
          if (Object.keys(member).some(isEscaped)) continue;
          for (const [key, one] of Object.entries(member)) {
            expect(valueAt(text, [name, key])).toEqual(one);
          }
        }
      }),
    );
  });

  it.each<[string, string, Parameters<typeof locateValue>[1]]>([
    ["a name that is not there", '{"b":{"a":1}}', ["a"]],
    ["a name within a text", '{"b":"\\"a\\":1"}', ["a"]],
    ["a name given twice", '{"a":1,"b":2,"a":3}', ["a"]],
    ["a name with an escape", '{"a":1,"\\u0061":2}', ["a"]],
    ["what is no object", '[{"a":1}]', ["a"]],
    ["a member of what is no object", '{"a":[1]}', ["a", "b"]],
    ["the one of two", '{"a":[{"b":1},{"b":2}]}', ["a", only, "b"]],
    ["the one of none", '{"a":[]}', ["a", only, "b"]],
    ["the one of what is no list", '{"a":{"b":1}}', ["a", only, "b"]],
    ["nothing", "", ["a"]],
  ])("does not find %s", (_name, text, path) => {
    expect(locateValue(text, path)).toBeUndefined();
  });

  it("finds the text of a string, and of nothing else", () => {
    const text = ' { "a" : [ { "b" : "x\\"}" , "c" : -1.5e3 } ] } ';
    const found = stringAt(text, ["a", only, "b"]);
    expect(text.slice(found?.start, found?.end)).toBe('x\\"}');
    expect(valueAt(text, ["a", only, "c"])).toBe(-1500);
    expect(stringAt(text, ["a", only, "c"])).toBeUndefined();
  });
});
