import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { failureToError } from "../failure-to-error.ts";
import { openaiChat } from "./openai-chat.ts";

describe("writeError", () => {
  it("says what is wrong in the shape that clients read", () => {
    const error = new GatewayError("FIELD_INVALID", "The field n must be 1 to 128.", {
      fieldViolations: [{ field: "n", description: "must be 1 to 128" }],
    });
    expect(JSON.parse(openaiChat.writeError(error, "r1"))).toMatchObject({
      error: {
        message: "The field n must be 1 to 128.",
        type: "invalid_request_error",
        param: "n",
        code: "FIELD_INVALID",
        request_id: "r1",
      },
    });
  });

  it.each([
    ["KEY_INVALID", "authentication_error"],
    ["MODEL_NOT_ALLOWED", "permission_error"],
    ["MODEL_NOT_FOUND", "not_found_error"],
    ["LIMIT_EXCEEDED", "rate_limit_error"],
    ["BUDGET_EXHAUSTED", "insufficient_quota"],
    ["UPSTREAM_FAILED", "server_error"],
  ] as const)("gives %s the type %s", (reason, type) => {
    const text = openaiChat.writeError(new GatewayError(reason, "x"), "r");
    expect(JSON.parse(text)).toMatchObject({ error: { type, param: null } });
  });

  it("tells a conversation that is too long by the code that agents look for", () => {
    // Codex 0.169.0 shortens the conversation at this code, and at no other.
    const text = openaiChat.writeError(new GatewayError("CONTEXT_LENGTH_EXCEEDED", "x"), "r");
    const error = { code: "context_length_exceeded", reason: "CONTEXT_LENGTH_EXCEEDED" };
    expect(JSON.parse(text)).toMatchObject({ error });
  });

  it("shows a provider's words only where they are about the caller's request", () => {
    const failure = { providerCode: "c", providerType: "t", message: "their words" };
    const shown = failureToError({ class: "BAD_REQUEST", ...failure });
    expect(shown.metadata).toMatchObject({ provider_code: "c", provider_message: "their words" });
    const hidden = failureToError({ class: "AUTH_FAILED", ...failure, retryAfterMs: 5 });
    expect(openaiChat.writeError(hidden, "r")).not.toContain("their words");
    expect(hidden.retryAfterMs).toBe(5);
  });

  it("ends a stream that our own reader takes for failed", () => {
    const error = new GatewayError("STREAM_INTERRUPTED", "The answer broke off.");
    const text = openaiChat.writeStreamError(error, "r");
    expect(text).not.toContain("[DONE]");
    let failed = "";
    const reader = openaiChat.createStreamReader({
      event: () => undefined,
      flush: () => undefined,
      finish: () => undefined,
      fail: ({ metadata }) => {
        failed = metadata["failure_class"] ?? "";
      },
    });
    reader.push(new TextEncoder().encode(text));
    expect(failed).toBe("UPSTREAM_ERROR");
  });
});
