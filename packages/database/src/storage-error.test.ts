import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { isLasting, toStorageError } from "./storage-error.ts";

const withCode = (code: string): Error => Object.assign(new Error("select secret"), { code });

describe("errors of the database", () => {
  it.each(["08006", "25P03", "40001", "40P01", "53300", "55P03", "57014", "EPIPE", "ECONNREFUSED"])(
    "%s passes by itself",
    (code) => {
      const told = toStorageError(withCode(code));
      expect(told).toMatchObject({ reason: "UNAVAILABLE" });
      expect((told as GatewayError).message).not.toContain("secret");
      expect(isLasting(withCode(code))).toBe(false);
    },
  );

  it("that have no code, as of a broken connection, pass by themselves", () => {
    expect(isLasting(new Error("Connection terminated unexpectedly"))).toBe(false);
  });

  it.each([
    withCode("22003"),
    withCode("23514"),
    withCode("42P01"),
    new TypeError("bug"),
    new RangeError("Invalid time value"),
    new GatewayError("FIELD_INVALID", "no such time"),
  ])("%s lies in what was asked", (error) => {
    expect(isLasting(error)).toBe(true);
    expect(toStorageError(error)).toBe(error);
  });
});
