import { describe, expect, it } from "vitest";
import { findHttpEndpoint } from "./http-endpoints.ts";

function served(method: string, url: string): string | undefined {
  const endpoint = findHttpEndpoint(method, url);
  if (endpoint === undefined) return undefined;
  return "model" in endpoint ? `get_model ${endpoint.model}` : endpoint.operation;
}

describe("findHttpEndpoint", () => {
  it.each([
    ["POST", "/v1/chat/completions", "generate"],
    ["POST", "/v1/chat/completions?beta=true", "generate"],
    ["POST", "/v1/messages/count_tokens?beta=true", "count_tokens"],
    ["POST", "/v1/responses/input_tokens", "count_tokens"],
    ["POST", "/v1/responses/input_tokens?beta=true", "count_tokens"],
    ["GET", "/v1/responses/input_tokens/x", "stored_response"],
    ["GET", "/v1/responses/resp_1?include=x", "stored_response"],
    ["HEAD", "/", "probe"],
    ["HEAD", "/api/hello", "probe"],
    ["GET", "/v1/models", "list_models"],
    ["GET", "/v1/models?limit=1000", "list_models"],
    ["GET", "/v1/models/smart", "get_model smart"],
    ["GET", "/v1/models/meta%2Fllama?x=1", "get_model meta/llama"],
    ["GET", "/v1/models/meta/llama", "get_model meta/llama"],
  ])("serves %s %s", (method, url, operation) => {
    expect(served(method, url)).toBe(operation);
  });

  it.each([
    ["GET", "/v1/chat/completions"],
    ["GET", "/v1/responses/input_tokens"],
    ["POST", "/v1/chat/completions/"],
    ["POST", "/?/v1/chat/completions"],
    ["POST", "/v1/models"],
    ["GET", "/v1/modelsx"],
    ["GET", "/v1/models/"],
    ["GET", "/v1/models/%"],
    ["GET", "/"],
  ])("serves nothing for %s %s", (method, url) => {
    expect(served(method, url)).toBeUndefined();
  });
});
