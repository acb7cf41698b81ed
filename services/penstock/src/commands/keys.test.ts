import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { VirtualKeySchema } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { readCount, revokedWords } from "./keys.ts";

describe("penstock keys", () => {
  it.each(["0", "10001", "-1", "1.5", "many", ""])("says the bounds where %j is given", (text) => {
    expect(() => readCount(text)).toThrow("a number from 1 to 10000.");
  });

  it("takes what is within the bounds", () => {
    expect([readCount("1"), readCount("10000")]).toEqual([1, 10_000]);
  });

  it("says of a key that was revoked before that it was", () => {
    const revokeTime = timestampFromMs(1_000);
    const virtualKey = create(VirtualKeySchema, { revokeTime, revision: 7n });
    const time = "1970-01-01T00:00:01.000Z";
    expect(revokedWords({ virtualKey, revision: 7n })).toBe(`is revoked, since ${time}`);
    expect(revokedWords({ virtualKey, revision: 9n })).toBe(`was revoked already, at ${time}`);
  });
});
