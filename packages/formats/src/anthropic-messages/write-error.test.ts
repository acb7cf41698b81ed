import { GatewayError, type ErrorReason } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { writeError, writeStreamError } from "./write-error.ts";

const type = (reason: ErrorReason): string => {
  const body = JSON.parse(writeError(new GatewayError(reason, "x"), "r")) as {
    error: { type: string };
  };
  return body.error.type;
};

describe("writeError", () => {
  it("writes what Anthropic's clients read, and what helps to mend the request", () => {
    const error = new GatewayError("FIELD_INVALID", "The field model is required.", {
      fieldViolations: [{ field: "model", description: "is required" }],
      metadata: { a: "b" },
      retryAfterMs: 1_500,
    });
    expect(JSON.parse(writeError(error, "req"))).toEqual({
      type: "error",
      error: {
        type: "invalid_request_error",
        message: "The field model is required.",
        code: "FIELD_INVALID",
        param: "model",
        source: "downstream",
        retry_after_ms: 1_500,
        fields: [{ field: "model", description: "is required" }],
        metadata: { a: "b" },
      },
      request_id: "req",
    });
  });

  it("chooses a type of their vocabulary", () => {
    expect(type("KEY_INVALID")).toBe("authentication_error");
    expect(type("MODEL_NOT_FOUND")).toBe("not_found_error");
    expect(type("LIMIT_EXCEEDED")).toBe("rate_limit_error");
    expect(type("BUDGET_EXHAUSTED")).toBe("billing_error");
    expect(type("REQUEST_TOO_LARGE")).toBe("request_too_large");
    expect(type("UPSTREAM_OVERLOADED")).toBe("overloaded_error");
    expect(type("UPSTREAM_FAILED")).toBe("api_error");
  });

  it("tells a conversation that is too long in the words that agents look for, once", () => {
    // Claude Code 2.1.330 compacts the conversation at these words, whatever stands around them.
    const message = (words: string): unknown =>
      JSON.parse(writeError(new GatewayError("CONTEXT_LENGTH_EXCEEDED", words), "r"));
    const error = (words: string) => ({ error: { message: words } });
    expect(message("Too much.")).toMatchObject(error("prompt is too long: Too much."));
    const said = 'It says: "prompt is too long: 9 tokens > 8 maximum".';
    expect(message(said)).toMatchObject(error(said));
  });

  it("ends a stream with an event of its own", () => {
    const text = writeStreamError(new GatewayError("UPSTREAM_OVERLOADED", "x"), "r");
    const [, data] = /^event: error\ndata: (.*)\n\n$/.exec(text) ?? [];
    expect(JSON.parse(data ?? "")).toMatchObject({ type: "error", request_id: "r" });
  });
});
