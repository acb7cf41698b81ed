import { Code, ErrorReason } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { isErrorReason, reasons } from "./reasons.ts";

describe("the table of reasons", () => {
  it("has a row for every value of the enum and no other", () => {
    const names = Object.keys(ErrorReason).filter((name) => name !== "UNSPECIFIED");
    expect(Object.keys(reasons).toSorted()).toEqual(names.toSorted());
  });

  it("never mixes quota with overload", () => {
    for (const row of Object.values(reasons)) {
      expect(row.grpcCode === Code.RESOURCE_EXHAUSTED).toBe(row.httpStatus === 429);
      if (row.httpStatus === 503) expect(row.grpcCode).toBe(Code.UNAVAILABLE);
    }
  });

  it("knows names by heart, not by prototype", () => {
    expect(isErrorReason("KEY_INVALID")).toBe(true);
    expect(isErrorReason("UNSPECIFIED")).toBe(false);
    expect(isErrorReason("toString")).toBe(false);
  });
});
