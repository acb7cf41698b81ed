import { describe, expect, it } from "vitest";
import { GatewayError } from "./gateway-error.ts";
import { toGatewayError } from "./to-gateway-error.ts";

describe("toGatewayError", () => {
  it("passes our own error", () => {
    const error = new GatewayError("DRAINING", "Shutting down.");
    expect(toGatewayError(error)).toBe(error);
    const abort = new DOMException("aborted", { name: "AbortError", cause: error });
    expect(toGatewayError(abort)).toBe(error);
  });

  it("recognises cancellation and timeout", () => {
    expect(toGatewayError(AbortSignal.abort().reason).reason).toBe("CANCELLED");
    expect(toGatewayError(new DOMException("x", "TimeoutError")).reason).toBe("DEADLINE_EXCEEDED");
  });

  it("never repeats the text of an unknown error", () => {
    const cause = new Error("password=hunter2");
    const error = toGatewayError(cause);
    expect(error.reason).toBe("INTERNAL");
    expect(error.message).not.toContain("hunter2");
    expect(error.cause).toBe(cause);
    expect(toGatewayError("hunter2").message).toBe(error.message);
  });
});
