import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { maximumQuotaKeyLength, parseQuotaKey, quotaKey } from "./limit-key.ts";

const dimensions = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/),
  fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.stringMatching(/^[%|=\n0-9A-F]{0,9}$/),
  ),
  { maxKeys: 4 },
);
const quotaName = fc.string({ minLength: 1, maxLength: 20 });

describe("quotaKey", () => {
  it("names the quota and what the instance counts", () => {
    const key = quotaKey("limits/five", { key: "projects/p/virtualKeys/k" });
    expect(key).toBe("limits/five|key=projects/p/virtualKeys/k");
    expect(quotaKey("limits/five")).toBe("limits/five");
  });

  it("does not depend on the order of dimensions", () => {
    expect(quotaKey("l", { b: "2", a: "1" })).toBe(quotaKey("l", { a: "1", b: "2" }));
  });

  it("lets no value reach another instance", () => {
    const hostile = quotaKey("l", { end_user: "a|key=b" });
    expect(hostile).toBe("l|end_user=a%7Ckey%3Db");
    expect(hostile).not.toBe(quotaKey("l", { end_user: "a", key: "b" }));
    expect(quotaKey("l", { end_user: "%7C" })).not.toBe(quotaKey("l", { end_user: "|" }));
  });

  it("reads back what it wrote, hence different parts have different keys", () => {
    fc.assert(
      fc.property(quotaName, dimensions, (name, values) => {
        const key = quotaKey(name, values);
        expect(parseQuotaKey(key)).toEqual({ quotaName: name, dimensions: { ...values } });
        expect(key.length).toBeLessThanOrEqual(maximumQuotaKeyLength);
      }),
    );
  });

  it("refuses what it could not keep apart or bounded", () => {
    const invalid = expect.objectContaining({ reason: "FIELD_INVALID" });
    expect(() => quotaKey("l", { end_user: "\ud800" })).toThrow(invalid);
    expect(() => quotaKey("l", { end_user: "x".repeat(maximumQuotaKeyLength) })).toThrow(invalid);
    expect(() => quotaKey("l", { "End User": "x" })).toThrow(invalid);
    expect(() => quotaKey("", {})).toThrow(invalid);
  });

  it("parses only the canonical form", () => {
    for (const text of ["", "l|", "l|=x", "l|b=1|a=2", "l|a=1|a=2", "l|a=b=c", "l|a=%61"]) {
      expect(() => parseQuotaKey(text), text).toThrow();
    }
  });
});
