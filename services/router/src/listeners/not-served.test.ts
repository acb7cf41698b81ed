import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { notServed } from "./not-served.ts";

function ask(method: string, url: string, headers: Record<string, string> = {}) {
  const { error, format, ...rest } = notServed({ method, url, headers } as IncomingMessage);
  return { reason: error.reason, message: error.message, format: format.name, ...rest };
}

describe("notServed", () => {
  it.each([
    ["GET", "/v1/chat/completions", "POST", "openai-chat"],
    ["OPTIONS", "/v1/messages?beta=true", "POST", "anthropic-messages"],
    ["GET", "/v1/responses/input_tokens", "POST", "openai-chat"],
    ["POST", "/v1/models", "GET", "openai-chat"],
    ["DELETE", "/v1/models/meta/llama", "GET", "openai-chat"],
  ])("names the method that serves %s %s", (method, url, allowed, format) => {
    const answer = ask(method, url);
    expect(answer).toMatchObject({ reason: "METHOD_NOT_ALLOWED", format });
    expect(answer.headers).toEqual(["allow", allowed]);
    expect(answer.message).toMatch(
      new RegExp(`^${method} /v1/\\S+ is not served: .* ${allowed}\\.$`),
    );
  });

  it.each([
    ["POST", "/chat/completions", "POST /v1/chat/completions"],
    ["POST", "/v1/v1/chat/completions?x=1", "POST /v1/chat/completions"],
    ["POST", "//v1/chat/completions", "POST /v1/chat/completions"],
    ["POST", "/v1/chat/completions/", "POST /v1/chat/completions"],
    ["GET", "/openai/v1/chat/completions", "POST /v1/chat/completions"],
    ["POST", "/responses", "POST /v1/responses"],
    ["POST", "/v1/v1/messages/count_tokens", "POST /v1/messages/count_tokens"],
    ["POST", "/embeddings", "POST /v1/embeddings"],
    ["GET", "/models", "GET /v1/models"],
    ["GET", "/v1/models/", "GET /v1/models"],
    ["GET", "/v1/v1/models/meta/llama", "GET /v1/models/meta/llama"],
  ])("names what was meant by %s %s", (method, url, meant) => {
    const answer = ask(method, url);
    expect(answer).toMatchObject({ reason: "ENDPOINT_NOT_FOUND", headers: [] });
    expect(answer.message).toContain(`Probably meant is ${meant}. `);
  });

  it("tells clients of each vendor what their base URL must be, in the vendor's format", () => {
    const theirs = ask("POST", "/v1/v1/messages");
    expect(theirs.format).toBe("anthropic-messages");
    expect(theirs.message).toMatch(/Anthropic want a base URL without \/v1\.$/);
    const others = ask("POST", "/chat/completions");
    expect(others.format).toBe("openai-chat");
    expect(others.message).toMatch(/OpenAI want a base URL that ends with \/v1, once\.$/);
  });

  it.each(["/", "/v1", "/v1/chat", "/v1/models/%", "/v1/completions", "/mychat/completionsx"])(
    "lists what is served where nothing is like %s",
    (url) => {
      const { message } = ask("GET", url);
      expect(message).toContain("Served are: POST /v1/chat/completions, ");
    },
  );

  it("does not repeat a long path in full", () => {
    expect(ask("POST", `/${"x".repeat(10_000)}`).message.length).toBeLessThan(1_000);
    const model = "y".repeat(10_000);
    expect(ask("GET", `/models/${model}`).message.length).toBeLessThan(1_000);
  });

  it.each([
    ["/v1/responses", "POST /v1/responses"],
    ["/v1/chat/completions", "POST /v1/chat/completions"],
    ["/v1/realtime?model=x", "POST /v1/responses"],
  ])("says what to use instead of a WebSocket at %s", (url, use) => {
    const answer = ask("GET", url, { upgrade: "WebSocket" });
    expect(answer).toMatchObject({ status: 426, reason: "ENDPOINT_NOT_FOUND" });
    expect(answer.headers).toEqual(["upgrade", "HTTP/1.1", "connection", "upgrade"]);
    expect(answer.message).toContain(`WebSockets are not served. Send ${use} over HTTP, with`);
  });
});
