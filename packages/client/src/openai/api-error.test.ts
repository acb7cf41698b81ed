import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { PenstockError } from "../penstock-error.ts";
import {
  APIConnectionTimeoutError,
  APIUserAbortError,
  BadRequestError,
  toApiError,
} from "./api-error.ts";

describe("what the client throws", () => {
  it("is of the class of the status that a gateway gave", () => {
    const refusal = new GatewayError("FIELD_INVALID", "no", { source: "gateway" });
    for (const error of [refusal, new PenstockError(refusal)]) {
      expect(toApiError(error)).toBeInstanceOf(BadRequestError);
    }
  });

  it("is that of a deadline, whether or not the gateway has named the request by then", () => {
    const late = new GatewayError("DEADLINE_EXCEEDED", "late");
    for (const error of [late, new PenstockError(late, { requestId: "request-1" })]) {
      expect(toApiError(error)).toBeInstanceOf(APIConnectionTimeoutError);
      expect(toApiError(error)).toMatchObject({ status: undefined, code: "DEADLINE_EXCEEDED" });
    }
  });

  it("is what went wrong in the caller's own process, which no gateway did", () => {
    const mistake = new TypeError("Do not know how to serialize a BigInt");
    expect(toApiError(mistake)).toBe(mistake);
  });

  it("says that the caller gave up, whatever came of it", () => {
    expect(toApiError(new Error("socket"), true)).toBeInstanceOf(APIUserAbortError);
  });
});
