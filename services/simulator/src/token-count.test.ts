import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countTokens } from "./token-count.ts";

describe("countTokens", () => {
  it.each([
    ["", 0],
    [" \n\t ", 0],
    ["one", 1],
    ["  one two\nthree ", 3],
  ])("%j has %i", (text, count) => {
    expect(countTokens(text)).toBe(count);
  });

  it("counts what splitting at white space counts", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        // eslint-disable-next-line no-control-regex -- control characters are white space here
        const words = text.split(/[\u0000-\u0020]+/).filter((word) => word !== "");
        expect(countTokens(text)).toBe(words.length);
      }),
    );
  });
});
