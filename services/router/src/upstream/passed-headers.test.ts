import { formats, headerRules } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { withPassedHeaders } from "./passed-headers.ts";

describe("withPassedHeaders", () => {
  it("replaces the provider's own of the same name, and adds the others", () => {
    const own = ["x-api-key", "k", "anthropic-version", "2023-06-01"];
    const passed = ["anthropic-version", "2026-10-21", "anthropic-beta", "b"];
    expect(withPassedHeaders(own, passed)).toEqual(["x-api-key", "k", ...passed]);
  });

  it("is given nothing by any format that takes the place of what each call begins with", () => {
    const names = new Set(Object.values(formats).map(({ name }) => name));
    const passed = [...names].flatMap((name) => headerRules(name).toTarget);
    expect(passed).toContain("anthropic-version");
    for (const own of ["x-request-id", "authorization", "x-api-key", "api-key"]) {
      expect(passed).not.toContain(own);
    }
    const own = ["x-request-id", "", "authorization", "Bearer k"];
    const headers = withPassedHeaders(
      own,
      passed.flatMap((name) => [name, "a"]),
    );
    expect(headers.slice(0, own.length)).toEqual(own);
  });

  it("leaves them alone where nothing is passed", () => {
    const own = ["a", "b"];
    withPassedHeaders(own, [])[1] = "another";
    expect(own).toEqual(["a", "b"]);
    expect(withPassedHeaders(own, [])).toEqual(own);
  });
});
