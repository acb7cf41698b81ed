import { describe, expect, it } from "vitest";
import { openaiResponses } from "./openai-responses.ts";
import { encode } from "../conformance/read-outcome.fixture.ts";

const invalid = "invalid_request_error";

// Rows of https://platform.openai.com/docs/guides/error-codes and of the Responses API's reference.
const rows: readonly [string, number, object, string][] = [
  ["a schema that is wrong", 400, { type: invalid, param: "input[0].role" }, "BAD_REQUEST"],
  ["too long", 400, { type: invalid, code: "context_length_exceeded" }, "CONTEXT_TOO_LONG"],
  [
    "reasoning of another",
    400,
    { type: invalid, code: "invalid_encrypted_content" },
    "BAD_REQUEST",
  ],
  ["a bad key", 401, { type: invalid, code: "invalid_api_key" }, "AUTH_FAILED"],
  ["a region", 403, { code: "unsupported_country_region_territory" }, "PERMISSION"],
  ["an unknown model", 404, { type: invalid, code: "model_not_found" }, "MODEL_NOT_FOUND"],
  ["an item that is not stored", 404, { type: invalid, param: "input" }, "BAD_REQUEST"],
  ["an answer that is not stored", 404, { param: "previous_response_id" }, "BAD_REQUEST"],
  ["a limit", 429, { type: "tokens", code: "rate_limit_exceeded" }, "RATE_LIMITED"],
  ["no money", 429, { type: "insufficient_quota", code: "insufficient_quota" }, "QUOTA_EXHAUSTED"],
  ["too steep a ramp", 429, { code: "slow_down" }, "OVERLOADED"],
  ["a mistake of theirs", 500, { type: "server_error" }, "UPSTREAM_ERROR"],
  ["too much to do", 503, { type: "service_unavailable_error" }, "OVERLOADED"],
];

describe("an error of the Responses API", () => {
  it.each(rows)("about %s is of its class", (_name, status, error, expected) => {
    const body = encode(JSON.stringify({ error: { message: "words", ...error } }));
    const headers: Record<string, string> = { "retry-after": "7" };
    const failure = openaiResponses.readError(status, (name) => headers[name], body);
    expect(failure.class).toBe(expected);
    // Nothing but the class says what cools down: an item of a caller cools nothing down.
    if (expected === "BAD_REQUEST") expect(failure.cooldown ?? failure.actions).toBeUndefined();
  });

  it.each(["", "<html>", '{"error":"x"}', "[]", '{"error":{"param":7}}'])(
    "is read whatever it is: %j",
    (text) => {
      const failure = openaiResponses.readError(404, () => undefined, encode(text));
      expect(failure.class).toBe("MODEL_NOT_FOUND");
    },
  );
});
