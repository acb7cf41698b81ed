import { describe, expect, it } from "vitest";
import { withPassedHeaders } from "./passed-headers.ts";

describe("withPassedHeaders", () => {
  it("replaces the provider's own of the same name, and adds the others", () => {
    const own = ["x-api-key", "k", "anthropic-version", "2023-06-01"];
    const passed = ["anthropic-version", "2026-10-21", "anthropic-beta", "b"];
    expect(withPassedHeaders(own, passed)).toEqual(["x-api-key", "k", ...passed]);
  });

  it("leaves them alone where nothing is passed", () => {
    const own = ["a", "b"];
    withPassedHeaders(own)[1] = "another";
    expect(withPassedHeaders(own)).toEqual(own);
    expect(withPassedHeaders(own, [])).toEqual(["a", "b"]);
  });
});
