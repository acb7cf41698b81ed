import { describe, expect, it } from "vitest";
import { sessionOf } from "./session.ts";

describe("sessionOf", () => {
  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ["", undefined],
    ["user_0a_account__session_1b-2c", "1b-2c"],
    ['{"device_id":"d","session_id":"1b"}', "1b"],
    ['{"device_id":"d"}', '{"device_id":"d"}'],
    ["{oops", "{oops"],
    ["user-7", "user-7"],
  ])("of %j is %j", (userId, session) => {
    expect(sessionOf(userId)).toBe(session);
  });

  it("is never long", () => {
    expect(sessionOf("x".repeat(256))).toHaveLength(128);
  });
});
