import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanObject } from "./scan-object.ts";

describe("scanObject", () => {
  it("finds every member where it stands", () => {
    const key = fc.string({ maxLength: 6 }).filter((text) => JSON.stringify(text) === `"${text}"`);
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.jsonValue(), { maxKeys: 8 }),
        fc.constantFrom(0, 1, 3),
        (value, space) => {
          const text = JSON.stringify(value, null, space);
          const members = scanObject(text);
          const found = Object.fromEntries(
            [...(members ?? [])].map(([name, { start, end }]) => [name, text.slice(start, end)]),
          );
          const wanted = JSON.parse(text) as Record<string, unknown>;
          expect(Object.keys(found).toSorted()).toEqual(Object.keys(wanted).toSorted());
          for (const name of Object.keys(wanted)) {
            expect(JSON.parse(found[name] ?? "")).toEqual(wanted[name]);
          }
        },
      ),
    );
  });

  it.each(["", "[]", "1", "{", '{"a":1', '{"a":1}}', '{"a":1]', '{"a":1,"a":2}', '{"\\u0061":1}'])(
    "refuses %j",
    (text) => {
      expect(scanObject(text)).toBeUndefined();
    },
  );

  it("bounds depth and number of members", () => {
    const deep = `{"a":${"[".repeat(64)}${"]".repeat(64)}}`;
    expect(scanObject(deep)).toBeUndefined();
    const wide = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, at]));
    expect(scanObject(JSON.stringify(wide))).toBeUndefined();
  });
});
