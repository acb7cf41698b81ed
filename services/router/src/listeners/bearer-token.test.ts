import { describe, expect, it } from "vitest";
import { differingKeys } from "../pipeline/authenticate.ts";
import { bearerToken } from "./bearer-token.ts";

describe("bearerToken", () => {
  it.each([
    ["Bearer psk_a", "psk_a"],
    ["bearer psk_a", "psk_a"],
    ["BEARER  psk_a\t", "psk_a"],
    ["Bearer ", ""],
    ["Bearer", "Bearer"],
    ["psk_a", "psk_a"],
    ["Basic eDp5", "Basic eDp5"],
    [undefined, ""],
  ])("reads %j as %j", (authorization, token) => {
    expect(bearerToken(authorization)).toBe(token);
  });

  it("takes the secret from any place, and the same one from several", () => {
    expect(bearerToken(undefined, "psk_a")).toBe("psk_a");
    expect(bearerToken(undefined, undefined, "psk_a")).toBe("psk_a");
    expect(bearerToken("Bearer psk_a", "psk_a", "psk_a")).toBe("psk_a");
  });

  it("tells two secrets that differ from none", () => {
    expect(bearerToken("Bearer psk_a", "psk_b")).toBe(differingKeys);
    expect(bearerToken("Bearer psk_a", undefined, "psk_b")).toBe(differingKeys);
    expect(bearerToken(undefined, "psk_a", "psk_b")).toBe(differingKeys);
    expect(bearerToken("Bearer psk_a", "psk_b", "psk_b")).toBe(differingKeys);
    expect(bearerToken("Bearer psk_a", ["psk_a", "psk_b"])).toBe(differingKeys);
  });

  it("cuts what is too long for a key, and leaves it too long for one", () => {
    expect(bearerToken(`Bearer ${"x".repeat(100_000)}`)).toBe("x".repeat(513));
  });
});
